"""``kanbanctl doctor`` with a daemon, and without one."""

from support.system import System


def test_the_doctor_works_with_and_without_a_daemon(system: System) -> None:
    system.worker_running()
    ticket = system.add("Do it", instructions="true")
    system.wait(ticket)
    sound = system.ctl("doctor", "-v").stdout
    assert "Nothing wrong" in sound
    assert "no process outlives its run" in sound

    system.kill_daemon()
    places = ("--state-dir", str(system.state), "--config", str(system.config))
    alone = system.ctl("doctor", *places, check=False)
    assert alone.returncode == 1
    assert "no daemon runs" in alone.stdout
    assert "mend: start it" in alone.stdout
    assert "not checked: the daemon's own view" in alone.stdout

    (system.state / "runs").chmod(0o700)
    system.state.chmod(0o707)
    found = system.ctl("--json", "doctor", *places, check=False).stdout
    assert f"chmod 700 {system.state}" in found
    system.state.chmod(0o700)
    system.start()
