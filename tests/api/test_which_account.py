"""Which account a role gets, over the API."""

from accounting.models import Account, DefaultAccount
from billing.models import BusinessEntity, ContractItem


def test_every_step_is_told_and_the_one_that_decides(caller, sold, tenant):
    sold("a")
    item, entity = ContractItem.objects.get(), BusinessEntity.objects.get()
    asked = {"role": "revenue", "business_entity": entity.code, "contract_item": item.pk}
    answer = caller.get("/which-account", asked)
    assert (answer["account_code"], answer["problem"]) == ("4000", "")
    assert [(step["level"], step["decides"]) for step in answer["steps"] if step["account_code"]] == [("tenant", True)]
    DefaultAccount.objects.create(role="revenue", level="product", product=item.product, account_code="4010")
    Account.objects.get_or_create(
        business_entity=entity, code="4010", defaults={"name": "x", "category": "income", "normal_balance": "credit"}
    )
    answer = caller.get("/which-account", asked)
    assert answer["account_code"] == "4010"
    decided = [(step["level"], step["target"]) for step in answer["steps"] if step["decides"]]
    assert decided == [("product", "Product a")]


def test_what_cannot_be_asked_is_said(caller, stranger, sold):
    sold("a")
    entity = BusinessEntity.objects.get()
    item = ContractItem.objects.get()
    for question, field in (
        ({"role": "moon", "business_entity": entity.code}, "role"),
        ({"role": "revenue"}, "business_entity"),
        ({"role": "revenue", "business_entity": entity.code, "customer": "nobody"}, "customer"),
        ({"role": "revenue", "business_entity": entity.code, "colour": "red"}, "colour"),
    ):
        assert field in caller.get("/which-account", question, status=400)["error"]["fields"]
    other = {"role": "revenue", "business_entity": entity.code, "contract_item": item.pk}
    assert "contract_item" in stranger.get("/which-account", other, status=400)["error"]["fields"]


def test_a_default_that_names_no_usable_account_says_so(caller, tenant):
    DefaultAccount.objects.filter(role="cash").update(account_code="9999")
    answer = caller.get("/which-account", {"role": "cash", "business_entity": BusinessEntity.objects.get().code})
    assert (answer["account"], answer["account_code"]) == (None, None)
    assert "9999" in answer["problem"]
