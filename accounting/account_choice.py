"""Which account a role means for something, and why: every step of the default-account hierarchy, before anything is posted."""

from dataclasses import dataclass

from django.db.models import Q

from accounting.books import books
from accounting.defaults import RoleWithoutAccount
from accounting.engine import Dimensions
from accounting.models import Account, DefaultAccount, Level
from billing.errors import BillingError
from billing.models import BusinessEntity, ContractItem, Customer, Product, ProductFamily


@dataclass(frozen=True, slots=True)
class Question:
    """For what the account is asked. An item brings its product and customer, a product its family."""

    role: str
    business_entity: BusinessEntity
    currency: str = ""
    customer: Customer | None = None
    contract_item: ContractItem | None = None
    product: Product | None = None
    product_family: ProductFamily | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One level: what it was asked for (None: the question does not say), its default if it has one, whether it decides."""

    level: Level
    target: object
    target_fields: dict[str, object]
    default: DefaultAccount | None
    decides: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The account, or why there is none; and the steps in the order they were asked."""

    account: Account | None
    problem: str
    steps: list[Step]


def item_of_contract(number: str, product: Product | None = None) -> ContractItem | None:
    """Find the item of a contract that a question is about: of the product where one is named, else the first."""
    items = ContractItem.objects.filter(contract__number=number).select_related("product", "contract__customer")
    return (items.filter(product=product) if product else items).order_by("pk").first()


def choose_account(question: Question) -> Answer:
    """Resolve a role as posting would. Raises BillingError where the parts of the question do not fit each other."""
    item = question.contract_item
    product = question.product or (item.product if item else None)
    customer = question.customer or (item.contract.customer if item else None)
    family = question.product_family or (product.family if product else None)
    entity, currency = question.business_entity, question.currency or question.business_entity.base_currency
    if item and product and item.product_id != product.pk:
        raise BillingError(f"The contract item is of {item.product}, not of {product}.")
    about = Dimensions(
        customer_id=customer.pk if customer else None,
        contract_item_id=item.pk if item else None,
        product_id=product.pk if product else None,
        product_family_id=family.pk if family else None,
    )
    hierarchy = books().hierarchy.for_batch([about])
    account, problem, decided = None, "", ""
    try:
        account_id, decided = hierarchy.resolve(
            role=question.role, business_entity_id=entity.pk, currency=currency, dimensions=about
        )
        account = Account.objects.get(pk=account_id)
    except RoleWithoutAccount as error:
        problem = str(error)
    targets: dict[Level, tuple[object, dict[str, object]]] = {
        Level.CONTRACT_ITEM: (item, {"contract_item": item and item.pk}),
        Level.PRODUCT: (product, {"product": product and product.pk}),
        Level.PRODUCT_FAMILY: (family, {"product_family": family and family.pk}),
        Level.CUSTOMER: (customer, {"customer": customer and customer.pk}),
        Level.ENTITY_CURRENCY: (f"{entity}, {currency}", {"business_entity": entity.pk, "currency": currency}),
        Level.ENTITY: (entity, {"business_entity": entity.pk}),
        Level.TENANT: ("everything else", {}),
    }
    held = _defaults_of(question.role, targets)
    steps = [
        Step(level, target, fields, held.get(level) if target is not None else None, level == decided)
        for level, (target, fields) in targets.items()
    ]
    return Answer(account, problem, steps)


def _defaults_of(role: str, targets: dict[Level, tuple[object, dict[str, object]]]) -> dict[Level, DefaultAccount]:
    wanted = Q()
    for level, (target, fields) in targets.items():
        if target is not None:
            wanted |= Q(level=level, **fields)
    return {Level(default.level): default for default in DefaultAccount.objects.filter(wanted, role=role)}
