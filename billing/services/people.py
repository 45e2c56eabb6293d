"""Who of a company may enter, and in which role."""

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from billing.errors import BillingError, NotFound
from billing.models import Membership, Role


@transaction.atomic
def add_person(
    *,
    tenant_id: int,
    username: str,
    password: str,
    role: str,
    first_name: str = "",
    last_name: str = "",
    email: str = "",
) -> Membership:
    """Create a user who may sign in, with a role in one company. Raises BillingError for a name that is taken.

    Whoever works for several companies is added to the further ones by the operator: an administrator is not to learn who
    works elsewhere.
    """
    users = get_user_model().objects
    if users.filter(username=username).exists():
        raise BillingError(f"The user name {username} is taken; choose another.", code="duplicate")
    user = get_user_model()(
        username=username, first_name=first_name, last_name=last_name, email=email, is_staff=True, is_active=True
    )
    try:
        validate_password(password, user)
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        raise BillingError(" ".join(error.messages)) from error
    user.set_password(password)
    user.save()
    return Membership.objects.create(tenant_id=tenant_id, user=user, role=role)


@transaction.atomic
def change_role(*, tenant_id: int, membership_id: int, role: str) -> Membership:
    """Give a person another role. Raises NotFound, BillingError when no administrator would be left."""
    membership = _locked(tenant_id, membership_id)
    if role != Role.ADMIN:
        _keep_an_administrator(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    return membership


@transaction.atomic
def remove_person(*, tenant_id: int, membership_id: int) -> None:
    """Take a person's role away; the user stays, for what they did is on the record. Raises as `change_role`."""
    membership = _locked(tenant_id, membership_id)
    _keep_an_administrator(membership)
    membership.delete()


def _locked(tenant_id: int, membership_id: int) -> Membership:
    # The whole company's memberships, so that two administrators cannot remove each other at once.
    memberships = Membership.objects.select_for_update(no_key=True).filter(tenant_id=tenant_id)
    found = next((each for each in memberships if each.pk == membership_id), None)
    if found is None:
        raise NotFound("There is no such person in this company.")
    return found


def _keep_an_administrator(membership: Membership) -> None:
    others = Membership.objects.filter(tenant_id=membership.tenant_id, role=Role.ADMIN).exclude(pk=membership.pk)
    if membership.role == Role.ADMIN and not others.exists():
        raise BillingError("This is the last administrator of the company; make another person one first.")
