"""What the web room tidies on a schedule."""

from accounts.limits import sweep_tries
from accounts.sessions import sweep_sessions
from audit.anchors import write_anchor
from jobs.registry import periodic
from web.services import forget_answers


@periodic("web.tidy", every=900)
def tidy() -> None:
    """Old answers, old tries to sign in and expired sessions go."""
    forget_answers()
    sweep_tries()
    sweep_sessions()


@periodic("web.anchor_audit", every=3600)
def anchor_audit() -> None:
    """The head of the audit goes to a file and the log, so that a rewritten chain can be told from the true one."""
    write_anchor()
