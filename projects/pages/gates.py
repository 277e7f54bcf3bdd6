"""Signing at a gate, in the browser only; accepting warnings and waiving failures."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from problems.problem import Invalid
from projects.access import ProjectPage
from projects.forms.gates import AcceptanceForm, SignatureForm, WaiverForm
from projects.pages.projects import person
from projects.queries.gates import gate_for
from projects.services.gates import sign_gate
from projects.services.waivers import accept_warning, waive_check


class GateSign(ProjectPage):
    """Sign for a role that one holds, or send the subject back with a reason."""

    action = {"POST": "gate.sign"}

    def post(self, request: HttpRequest, gate_id: UUID) -> HttpResponse:
        """Do it and go back to what the gate is about."""
        gate = gate_for(self.project, gate_id)
        form = SignatureForm(request.POST)
        if not form.is_valid():
            raise Invalid("Say for which role you sign, and whether you sign or send back.")
        given = form.cleaned_data["given"] == "yes"
        role, reason = form.cleaned_data["role"], form.cleaned_data["reason"]
        sign_gate(gate, role=role, given=given, reason=reason, by=person(request))
        messages.success(request, f"{gate.subject_name}: {'signed' if given else 'sent back'}.")
        return HttpResponseRedirect(gate.subject_url)


class GateAccept(ProjectPage):
    """Accept a warning with a reason."""

    action = {"POST": "gate.waive"}

    def post(self, request: HttpRequest, gate_id: UUID) -> HttpResponse:
        """Do it and go back to what the gate is about."""
        gate = gate_for(self.project, gate_id)
        form = AcceptanceForm(request.POST)
        if not form.is_valid():
            raise Invalid("Say which warning you accept, and why.")
        accept_warning(gate, **form.cleaned_data, by=person(request))
        messages.success(request, f"{gate.subject_name}: the warning is accepted.")
        return HttpResponseRedirect(gate.subject_url)


class GateWaive(ProjectPage):
    """Waive a failed check until a day, with a reason."""

    action = {"POST": "gate.waive"}

    def post(self, request: HttpRequest, gate_id: UUID) -> HttpResponse:
        """Do it and go back to what the gate is about."""
        gate = gate_for(self.project, gate_id)
        form = WaiverForm(request.POST)
        if not form.is_valid():
            raise Invalid("Say which failed check you waive, why, and until which day.")
        waive_check(gate, **form.cleaned_data, by=person(request))
        messages.success(request, f"{gate.subject_name}: the check is waived until {form.cleaned_data['until']}.")
        return HttpResponseRedirect(gate.subject_url)
