"""The `/_sandbox/*` endpoints: look at the books, make calls fail, start over."""

from typing import Any

from integrations.sandbox.faults import KNOWN, FaultPlan, read_plan
from integrations.sandbox.jsontext import loads
from integrations.sandbox.limits import Limits
from integrations.sandbox.messages import ControlError, Json, Request, Response, Vendor
from integrations.sandbox.recorder import Recorder

PREFIX = "/_sandbox"


class Control:
    """What a tester may ask of the server. The caller holds the lock."""

    def __init__(self, vendor: Vendor, recorder: Recorder, limits: Limits) -> None:
        self._vendor, self._recorder, self._limits = vendor, recorder, limits
        self.plan = FaultPlan()

    def answer(self, request: Request) -> Response:
        """Do a control request."""
        action = request.path.removeprefix(PREFIX).strip("/")
        try:
            return self._do(action, request)
        except ControlError as error:
            return Response.json({"error": str(error), "known_kinds": list(KNOWN)}, 400)

    def _do(self, action: str, request: Request) -> Response:
        if action == "state":
            return Response.json(self._state(request))
        if action == "faults":
            return Response.json(self._faults(request))
        if request.method != "POST":
            raise ControlError("Known: GET state, GET/POST/DELETE faults; everything else is a POST.")
        body = _body(request)
        if action == "reset":
            self._vendor.reset(keep_tokens=bool(body.get("keep_tokens", False)))
            self._recorder.clear()
            self._limits.clear()
            self.plan = FaultPlan()
            return Response.json({"ok": True})
        done = self._vendor.control(action, body)
        if done is None:
            raise ControlError(f"There is no {PREFIX}/{action}.")
        return Response.json(done)

    def _faults(self, request: Request) -> Json:
        if request.method == "DELETE":
            self.plan = FaultPlan()
        elif request.method != "GET":
            self.plan = read_plan(_body(request))
        return self.plan.describe()

    def _state(self, request: Request) -> Json:
        state: Json = {
            "vendor": self._vendor.code,
            **self._vendor.describe(request.base_url),
            "limits": self._limits.describe(),
            "calls": self._recorder.describe(),
            "faults": self.plan.describe(),
        }
        if _asked(request, "objects"):
            state["objects"] = self._vendor.objects()
        if _asked(request, "requests"):
            state |= self._recorder.requests()
        return state


def _asked(request: Request, name: str) -> bool:
    return request.params.get(name, "0").lower() not in ("", "0", "false", "no")


def _body(request: Request) -> Json:
    if not request.body.strip():
        return {}
    try:
        body: Any = loads(request.body)
    except ValueError as error:
        raise ControlError(f"The body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ControlError("The body must be a JSON object.")
    return body
