"""What the doctor found: what is wrong first, each with what mends it."""

from typing import Final

from kanban_ipc.control.upkeep import DoctorReply, Finding
from kanbanctl.output import Output
from kanbanctl.tables import Cell
from kanbanctl.wording import plural

STYLES: Final = {"wrong": "bad", "note": "warn", "ok": "good"}
ORDER: Final = ("wrong", "note", "ok")


def show_findings(output: Output, reply: DoctorReply, *, verbose: bool) -> None:
    """``verbose``: also what is in order."""
    for level in ORDER:
        for finding in reply.findings:
            if finding.level == level and (verbose or level != "ok"):
                _show(output, finding)
    for text in reply.unchecked:
        output.paragraphs(f"not checked: {text}.", "faint")
    wrong = sum(finding.level == "wrong" for finding in reply.findings)
    fine = sum(finding.level == "ok" for finding in reply.findings)
    output.pieces(
        Cell(f"{wrong or 'Nothing'} wrong", "bad" if wrong else "good"),
        Cell(f", {plural(fine, 'check')} in order ({reply.state_dir})"),
    )


def _show(output: Output, finding: Finding) -> None:
    word = "ok" if finding.level == "ok" else finding.level.upper()
    output.pieces(
        Cell(f"{word:<5}  ", STYLES[finding.level]),
        Cell(f"{finding.check}: ", "strong"),
        Cell(finding.text),
    )
    if finding.mend:
        output.paragraphs(f"mend: {finding.mend}", indent="       ")
