"""A backup and its way back, as the README says it."""

import subprocess

from support.system import System


def restore(system: System, file: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        system.command("--restore", file),
        capture_output=True,
        text=True,
        env=system.environment,
        timeout=60,
        check=False,
    )


def test_a_backup_is_put_back_by_the_commands_of_the_readme(system: System) -> None:
    first = system.add("First", instructions="true")
    system.wait(first)
    said = system.ctl("backup", "kept.db").stdout
    assert "1 ticket" in said
    file = str(system.home / "kept.db")
    assert system.ctl("backup", file, check=False).returncode == 1
    system.add("Second", ready=False)

    refused = restore(system, file)
    assert refused.returncode == 100
    assert "a kanband already runs" in refused.stderr

    system.shutdown()
    done = restore(system, file)
    assert done.returncode == 0, done.stderr
    assert "what was there is now" in done.stdout
    system.start()
    assert [ticket.title for ticket in system.tickets()] == ["First"]
    again = system.add("Again", instructions="true")
    assert system.wait(again)[0].state == "in_review"
    assert system.ctl("doctor").returncode == 0
