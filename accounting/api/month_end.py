"""The runs of a month's end, as jobs: what is earned, what foreign balances are worth, contracts netted."""

from datetime import date

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.fields import DayField, RequestSerializer
from billing.api.jobs import JobSerializer, started
from billing.api.views import TenantView
from billing.periods import day_words


class RecognitionRun(RequestSerializer):
    through = DayField(help_text="Revenue earned up to and including this day is posted.")


class MonthEndRun(RequestSerializer):
    through = DayField(help_text="The last day of a month.")


class _Run(TenantView):
    """Starts one kind of job that is told a day."""

    serializer: type[RequestSerializer]
    kind: str
    name: str
    parameter = "through"

    def _start(self, request: Request) -> Response:
        given = self.serializer(data=request.data)
        given.is_valid(raise_exception=True)
        through: date = given.validated_data["through"]
        parameters = {self.parameter: through.isoformat()}
        title = f"{self.name} through {day_words(through)}"
        return started(request, kind=self.kind, title=title, parameters=parameters)


class RecognizeRevenue(_Run):
    """Post the revenue that contracts have earned by a day, billed or not: the difference to what is posted already."""

    serializer, kind, name = RecognitionRun, "recognize_revenue", "Revenue recognition"

    @extend_schema(request=RecognitionRun, responses={201: JobSerializer}, tags=["jobs"])
    def post(self, request: Request) -> Response:
        return self._start(request)


class RevalueBalances(_Run):
    """Bring open foreign balances to the rate of a month's last day, and back on the day after. Again: the difference."""

    serializer, kind, name = MonthEndRun, "revalue_balances", "Revaluation of foreign balances"

    @extend_schema(request=MonthEndRun, responses={201: JobSerializer}, tags=["jobs"])
    def post(self, request: Request) -> Response:
        return self._start(request)


class NetContracts(_Run):
    """Set deferred against unbilled revenue of each contract at a month's end, and back on the day after."""

    serializer, kind, name, parameter = MonthEndRun, "net_contracts", "Contract netting", "at"

    @extend_schema(request=MonthEndRun, responses={201: JobSerializer}, tags=["jobs"])
    def post(self, request: Request) -> Response:
        return self._start(request)
