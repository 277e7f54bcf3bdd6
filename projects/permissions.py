"""PURE: roles x actions, the one table of who may do what in a project."""

from enum import StrEnum

from accounts.scopes import KEYS, MANAGE, PROMOTE, READ, WRITE


class Role(StrEnum):
    """The job roles that a person may hold in a project."""

    OWNER = "owner"
    BUSINESS_ANALYST = "business_analyst"
    PRODUCT_MANAGER = "product_manager"
    DOMAIN_EXPERT = "domain_expert"
    DATA_ANALYST = "data_analyst"
    DATA_ENGINEER = "data_engineer"
    DBA = "dba"
    DATA_SCIENTIST = "data_scientist"
    ML_ENGINEER = "ml_engineer"
    MLOPS_ENGINEER = "mlops_engineer"
    LEADERSHIP = "leadership"
    VIEWER = "viewer"

    @classmethod
    def pairs(cls) -> list[tuple[str, str]]:
        """Value and words of each role, for fields."""
        return [(role.value, role.label) for role in cls]

    @property
    def label(self) -> str:
        """The role in words."""
        return ROLE_NAMES[self][0]

    @property
    def tag(self) -> str:
        """The two letters that stand for it on pages."""
        return ROLE_NAMES[self][1]


ROLE_NAMES: dict[Role, tuple[str, str]] = {
    Role.OWNER: ("Project owner", "OW"),
    Role.BUSINESS_ANALYST: ("Business analyst", "BA"),
    Role.PRODUCT_MANAGER: ("Product manager", "PM"),
    Role.DOMAIN_EXPERT: ("Domain expert", "DX"),
    Role.DATA_ANALYST: ("Data analyst", "DA"),
    Role.DATA_ENGINEER: ("Data engineer", "DE"),
    Role.DBA: ("Database administrator", "DB"),
    Role.DATA_SCIENTIST: ("Data scientist", "DS"),
    Role.ML_ENGINEER: ("ML engineer", "ML"),
    Role.MLOPS_ENGINEER: ("MLOps engineer", "OP"),
    Role.LEADERSHIP: ("Business leadership", "BL"),
    Role.VIEWER: ("Viewer", "VI"),
}

_BUSINESS = {Role.BUSINESS_ANALYST, Role.PRODUCT_MANAGER}
_DATA = {Role.DATA_ENGINEER, Role.DBA}
_SCIENCE = {Role.DATA_SCIENTIST}
_DELIVERY = {Role.ML_ENGINEER, Role.MLOPS_ENGINEER}
_EVERYONE = set(Role)

_DOERS = _EVERYONE - {Role.LEADERSHIP, Role.VIEWER}

# action -> (what it is in words, who may do it). The owner may do everything but sign for a role not held.
ACTIONS: dict[str, tuple[str, frozenset[Role]]] = {
    name: (words, frozenset(roles))
    for name, words, roles in [
        ("project.read", "Read the project", _EVERYONE),
        ("project.change", "Change the project's name and question", {Role.OWNER}),
        ("stage.plan", "Say when a stage is due", _DOERS),
        ("stage.answer", "Say whether a reopened stage is still fine", _DOERS),
        ("round.sign", "Sign the review of a round, which opens the next", _BUSINESS | {Role.OWNER}),
        ("handoff.offer", "Hand work over", _DOERS | {Role.LEADERSHIP}),
        ("handoff.answer", "Accept work or send it back", _DOERS | {Role.LEADERSHIP}),
        ("project.archive", "Archive the project or open it again", {Role.OWNER}),
        ("project.export", "Take the whole project along as an archive", {Role.OWNER}),
        ("project.delete", "Delete the project, and empty its bin", {Role.OWNER}),
        ("bin.use", "Put things into the bin and take them out", _DOERS),
        ("team.manage", "Invite people and give roles", {Role.OWNER}),
        ("charter.change", "Write the problem", _BUSINESS | {Role.OWNER, Role.DOMAIN_EXPERT}),
        ("target.change", "Set targets", _BUSINESS | {Role.OWNER}),
        ("contract.sign", "Sign the targets", _BUSINESS),
        ("worth.change", "Say what answers are worth", _BUSINESS | {Role.OWNER}),
        ("baseline.change", "Name what is done without a model", _BUSINESS | {Role.OWNER, Role.DOMAIN_EXPERT}),
        ("policy.change", "Propose a decision policy", _BUSINESS | {Role.OWNER}),
        ("policy.sign", "Sign the decision policy", _BUSINESS),
        ("charter.approve", "Approve or close the charter", {Role.PRODUCT_MANAGER, Role.LEADERSHIP}),
        ("risk.answer", "Answer the risk questions", _BUSINESS | {Role.OWNER, Role.DOMAIN_EXPERT, Role.LEADERSHIP}),
        ("requirement.change", "Write requirements", _BUSINESS | {Role.OWNER, Role.DOMAIN_EXPERT}),
        ("requirement.link", "Link work to requirements", _EVERYONE - {Role.VIEWER, Role.LEADERSHIP}),
        ("people.change", "Name stakeholders and the process", _BUSINESS | {Role.OWNER, Role.DOMAIN_EXPERT}),
        ("project.appraise", "Judge value, risk and feasibility", _BUSINESS | {Role.OWNER, Role.LEADERSHIP}),
        ("kpi.define", "Say what the business counts", _BUSINESS | {Role.OWNER}),
        (
            "kpi.enter",
            "Bring values of what the business counts",
            _BUSINESS | {Role.OWNER, Role.DOMAIN_EXPERT, Role.DATA_ANALYST, Role.LEADERSHIP},
        ),
        ("data.read", "See data", _EVERYONE),
        ("data.see_sensitive", "See values of sensitive columns", _DATA | _SCIENCE | {Role.OWNER, Role.DATA_ANALYST}),
        ("data.tag", "Say what is sensitive, and how data is found and kept", _DATA | {Role.OWNER}),
        ("data.export", "Write data to files and give addresses to programs", _EVERYONE - {Role.VIEWER}),
        ("data.study", "Compare versions and columns", _DOERS),
        ("data.load", "Load data", _DATA | {Role.OWNER, Role.DATA_ANALYST, Role.DATA_SCIENTIST}),
        (
            "source.write",
            "Register sources and destinations",
            _DATA | {Role.OWNER, Role.DATA_ANALYST, Role.DATA_SCIENTIST},
        ),
        (
            "source.run",
            "Load from sources, write to destinations",
            _DATA | {Role.OWNER, Role.DATA_ANALYST, Role.DATA_SCIENTIST},
        ),
        ("source.approve", "Approve sources and destinations", _DATA | {Role.OWNER}),
        ("recipe.write", "Write recipes", _DATA | {Role.OWNER, Role.DATA_ANALYST, Role.DATA_SCIENTIST}),
        ("recipe.run", "Run recipes", _DATA | {Role.OWNER, Role.DATA_ANALYST, Role.DATA_SCIENTIST}),
        ("data.publish", "Publish a data version", _DATA | {Role.OWNER}),
        (
            "quality.write",
            "Write and check quality rules",
            _DATA | {Role.OWNER, Role.DATA_ANALYST, Role.DATA_SCIENTIST},
        ),
        ("quality.waive", "Waive a failing rule", _DATA | {Role.OWNER}),
        ("quality.sign", "Sign a data contract", _DATA),
        ("quality.subscribe", "Count on a data contract", _DOERS),
        ("run.read", "See runs", _EVERYONE),
        ("run.start", "Start training", _SCIENCE | _DELIVERY | {Role.OWNER, Role.DATA_ANALYST}),
        ("run.upload", "Bring a model that was made elsewhere", _SCIENCE | _DELIVERY | {Role.OWNER}),
        ("run.import", "Bring what an MLflow server holds", _SCIENCE | _DELIVERY | {Role.OWNER}),
        ("run.ask", "Ask a model about a row, with reasons", _DOERS),
        ("view.save", "Keep named views of the runs", _DOERS),
        ("price.change", "Say what an hour of computing costs", _DELIVERY | {Role.OWNER}),
        ("evaluation.start", "Judge a model", _SCIENCE | _DELIVERY | {Role.OWNER, Role.DATA_ANALYST}),
        ("case.write", "Write the edge-case book", _BUSINESS | _SCIENCE | {Role.OWNER, Role.DOMAIN_EXPERT}),
        ("model.register", "Register a model version", _SCIENCE | _DELIVERY | {Role.OWNER}),
        ("model.read", "See models", _EVERYONE),
        ("model.download", "Take models along as files", _EVERYONE - {Role.VIEWER}),
        ("model.promote", "Ask for production and promote", _DELIVERY | {Role.OWNER}),
        ("model.roll_back", "Roll back", _DELIVERY | {Role.OWNER}),
        ("gate.sign", "Sign at the gate for a role you hold", _EVERYONE - {Role.VIEWER}),
        ("gate.waive", "Accept warnings and waive failures where the gate names your role", _EVERYONE - {Role.VIEWER}),
        (
            "batch.start",
            "Score data in batches",
            _DATA | _SCIENCE | _DELIVERY | {Role.OWNER, Role.DATA_ANALYST},
        ),
        ("key.manage", "Make and revoke prediction keys", _DELIVERY | {Role.OWNER}),
        ("outcome.send", "Send outcomes", _DELIVERY | _DATA | _SCIENCE | {Role.OWNER}),
        ("monitor.read", "See monitoring", _EVERYONE),
        ("monitor.check", "Check a deployment now", _DELIVERY | _SCIENCE | {Role.OWNER}),
        ("alert.handle", "Take and close alerts", _DELIVERY | {Role.OWNER}),
        ("alert.settings", "Say how alerts speak", _DELIVERY | {Role.OWNER, Role.PRODUCT_MANAGER}),
        ("model.retrain", "Retrain", _DELIVERY | _SCIENCE | {Role.OWNER}),
        ("autonomy.change", "Propose when a model is retrained by itself", _DELIVERY | _SCIENCE | {Role.OWNER}),
        (
            "autonomy.sign",
            "Sign when a model is retrained by itself",
            _BUSINESS | {Role.ML_ENGINEER, Role.LEADERSHIP},
        ),
        ("talk.ask", "Ask, answer and mark as answered", _EVERYONE - {Role.VIEWER}),
        ("talk.edit", "Change one's own words", _EVERYONE - {Role.VIEWER}),
        ("task.handle", "Open, pass on and close tasks", _EVERYONE - {Role.VIEWER}),
        ("decision.record", "Write down a decision", _EVERYONE - {Role.VIEWER}),
        ("webhook.manage", "Send events to an outside address", _DELIVERY | {Role.OWNER}),
        ("job.cancel", "Stop jobs", _DATA | _SCIENCE | _DELIVERY | {Role.OWNER, Role.DATA_ANALYST}),
    ]
}


def allows(roles: frozenset[Role], action: str) -> bool:
    """Whether any of these roles may do the action. An unknown action is a mistake of ours."""
    return bool(roles & ACTIONS[action][1])


# What an archived project still lets people do, beside reading.
_AT_REST = {"project.archive", "project.delete", "project.export"}


def is_read(action: str) -> bool:
    """Whether an action changes nothing of a project's work, so that an archived one allows it."""
    return action.endswith(".read") or action in _AT_REST


def holders(action: str) -> list[Role]:
    """The roles that may do the action, in the order of the table of roles."""
    return [role for role in Role if role in ACTIONS[action][1]]


# What a token needs beside the role; the rest of the daily work needs `write`.
_SCOPES = {
    "project.change": MANAGE,
    "project.export": MANAGE,
    "team.manage": MANAGE,
    "model.promote": PROMOTE,
    "model.roll_back": PROMOTE,
    "key.manage": KEYS,
}


def scope_of(action: str) -> str | None:
    """The scope that a token needs for the action; None where no token may do it: people sign, programs do not."""
    verb = action.rpartition(".")[2]
    if verb == "sign":
        return None
    return READ if verb == "read" else _SCOPES.get(action, WRITE)
