"""The contract of a dataset: write it, sign it, count on it."""

from functools import cached_property
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from datasets.columns import TYPES
from datasets.forms.quality import ContractForm, SubscriptionForm
from datasets.models.contracts import DataContract, Subscription
from datasets.models.recipes import Recipe
from datasets.pages.listing import person
from datasets.pages.quality import OneDataset
from datasets.queries import quality as queries
from datasets.services import contracts as services
from problems.problem import Missing, Problem
from projects.permissions import holders
from web.pages import FormPage, put_on_form

SHOWN = 50
MOST_COLUMNS = 200


class ContractBase(OneDataset):
    """What the pages of a contract share."""

    template = "datasets/contract.html"

    def address(self) -> str:
        """The contract's page."""
        return reverse("dataset-contract", args=[self.project.key, self.dataset.name])

    @cached_property
    def contract(self) -> DataContract | None:
        """Its newest version."""
        return queries.newest_contract(self.dataset)

    def subscription_form(self, data: Any = None) -> SubscriptionForm:
        """The form for a consumer."""
        recipes = Recipe.objects.filter(source=self.dataset).values_list("name", flat=True)[:500]
        return SubscriptionForm(data, recipes=list(recipes))

    def page(self, form: SubscriptionForm | None = None, status: int = 200) -> HttpResponse:
        """Show it."""
        contract = self.contract
        subscriptions = Subscription.objects.filter(dataset=self.dataset).select_related("created_by")
        return self.show(
            status=status,
            dataset=self.dataset,
            newest=self.newest,
            contract=contract,
            promised=[(one["name"], TYPES[one["type"]]) for one in contract.columns[:MOST_COLUMNS]] if contract else [],
            in_force=contract is not None and queries.holds(contract),
            fell=contract is not None and contract.fingerprint != queries.live_fingerprint(contract),
            broken=queries.broken_promises(contract, self.newest)[:20] if contract and self.newest else [],
            versions=queries.contracts_of(self.dataset)[:8],
            subscriptions=subscriptions[:SHOWN],
            subscriptions_total=subscriptions.count(),
            form=form or self.subscription_form(),
            signers=holders("quality.sign"),
        )


class Contract(ContractBase):
    """The newest version of the contract, whether it is signed and kept, and who counts on it."""

    action = "data.read"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show it."""
        return self.page()


class ContractWrite(ContractBase, FormPage):
    """Write the next version."""

    action = "quality.write"
    template = "datasets/contract_write.html"

    def make_form(self, data: Any = None, files: Any = None) -> ContractForm:
        columns = [(one["name"], f"{one['name']} ({one['type']})") for one in self.newest.schema] if self.newest else []
        rules = [(str(one["number"]), one["sentence"]) for one in queries.promised_rules(self.dataset)]
        last = self.contract
        names = {name for name, _ in columns}
        initial = {
            "columns": [one["name"] for one in last.columns if one["name"] in names] if last else list(names),
            "rules": [str(one["number"]) for one in last.rules] if last else [number for number, _ in rules],
            "fresh_days": last.fresh_days if last else None,
            "promise": last.promise if last else "",
        }
        return ContractForm(data, columns=columns, rules=rules, initial=initial)

    def act(self, form: ContractForm) -> str:
        given = form.cleaned_data
        services.write_contract(
            self.dataset,
            columns=given["columns"],
            rules=[int(number) for number in given["rules"]],
            fresh_days=given["fresh_days"],
            promise=given["promise"],
            by=person(self.request),
        )
        messages.success(self.request, "The contract is written. It counts when it is signed.")
        return self.address()

    def context(self, form: Any) -> dict[str, Any]:
        return {"dataset": self.dataset, "newest": self.newest, "contract": self.contract}


class DataContractSign(ContractBase):
    """Sign the newest version; in the browser only."""

    action = {"POST": "quality.sign"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do it."""
        if self.contract is None:
            raise Missing("There is no contract to sign.")
        try:
            signed = services.sign_contract(self.contract, seen=request.POST.get("seen", ""), by=person(request))
        except Problem as problem:
            if problem.status in (403, 404):
                raise
            messages.error(request, problem.text)
            return HttpResponseRedirect(self.address())
        messages.success(request, f"Contract {signed.number} is signed and in force.")
        return HttpResponseRedirect(self.address())


class Subscribe(ContractBase):
    """Count on the contract."""

    action = {"POST": "quality.subscribe"}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do it."""
        form = self.subscription_form(request.POST)
        if not form.is_valid():
            return self.page(form, 422)
        try:
            made = services.subscribe(self.dataset, **form.cleaned_data, by=person(request))
        except Problem as problem:
            put_on_form(form, problem)
            return self.page(form, problem.status)
        messages.success(request, f"{made.name} counts on it, and is told when it breaks or changes.")
        return HttpResponseRedirect(self.address())


class Unsubscribe(ContractBase):
    """Count on it no more."""

    action = {"POST": "quality.subscribe"}

    def post(self, request: HttpRequest, name: str, subscription: UUID) -> HttpResponse:
        """Do it."""
        services.unsubscribe(services.subscription_for(self.dataset, subscription), by=person(request))
        return HttpResponseRedirect(self.address())
