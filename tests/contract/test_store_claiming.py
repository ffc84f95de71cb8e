"""``claim``: which tickets, in which order, for whom."""

import msgspec

from kanban_ipc.words import WorkerId
from kanband.store.values import AgentGate, Want
from support.stores import Bench


def test_a_claim_assigns_the_ticket_and_creates_its_run(store: Bench) -> None:
    number = store.one(timeout_s=9.0, instructions="do", labels=["l"])
    (claim,) = store.claim(worker="w")
    ticket, run = store.ticket(number), store.reads.run(claim.run_id)
    assert run is not None
    assert (ticket.state, ticket.epoch, ticket.run_id) == ("assigned", 1, claim.run_id)
    assert ticket.worker_id == claim.worker_id == run.worker_id == "w"
    assert (claim.epoch, claim.attempt, claim.agent) == (1, 1, "shell")
    assert (claim.timeout_s, claim.work.instructions) == (9.0, "do")
    assert claim.work.labels == ("l",)
    assert (run.status, run.ticket_id, run.epoch) == ("queued", number, 1)
    assert run.run_dir == f"runs/{claim.run_id}"


def test_a_claimed_ticket_is_not_claimed_again(store: Bench) -> None:
    store.one()
    assert len(store.claim(5)) == 1
    assert store.claim(5) == []


def test_claims_go_by_priority_then_by_age(store: Bench) -> None:
    low = store.one(priority="low")
    medium = store.one()
    high = store.one(priority="high")
    urgent = store.one(priority="urgent")
    also_medium = store.one(priority_number=6)
    assert store.claimed() == [urgent, high, medium, also_medium, low]


def test_the_number_of_a_priority_orders_only_by_its_band(store: Bench) -> None:
    nine, ten = store.one(priority_number=9), store.one(priority_number=10)
    assert store.claimed() == [nine, ten]


def test_every_so_many_th_claim_takes_the_oldest(store: Bench) -> None:
    store.policy = msgspec.structs.replace(store.policy, starvation_bound=3)
    old = store.one(priority="low")
    urgent = store.add("u1", "u2", "u3", "u4", priority="urgent")
    assert store.claimed() == [*urgent[:2], old, *urgent[2:]]


def test_the_starvation_bound_counts_over_many_claims(store: Bench) -> None:
    store.policy = msgspec.structs.replace(store.policy, starvation_bound=3)
    old = store.one(priority="low")
    urgent = store.add("u1", "u2", "u3", priority="urgent")
    taken = [store.claimed(1)[0] for _ in range(4)]
    assert taken == [*urgent[:2], old, urgent[2]]


def test_without_a_starvation_bound_priority_rules_alone(store: Bench) -> None:
    store.policy = msgspec.structs.replace(store.policy, starvation_bound=0)
    old = store.one(priority="low")
    urgent = store.add(*"abcde", priority="urgent")
    assert store.claimed() == [*urgent, old]


def test_wants_take_turns(store: Bench) -> None:
    numbers = store.add(*"abcde")
    first, second = (
        Want(worker_id=WorkerId(name), count=count)
        for name, count in (("first", 3), ("second", 1))
    )
    claims = store.claim_for([first, second])
    assert [(one.worker_id, one.work.ticket_id) for one in claims] == [
        ("first", numbers[0]),
        ("second", numbers[1]),
        ("first", numbers[2]),
        ("first", numbers[3]),
    ]


def test_any_means_the_default_agent(store: Bench) -> None:
    store.one(agent="any")
    assert store.claim()[0].agent == "shell"


def test_any_without_a_default_agent_is_not_claimable(store: Bench) -> None:
    store.policy = msgspec.structs.replace(store.policy, default_agent="")
    store.one(agent="any")
    named = store.one(agent="other")
    assert store.claimed() == [named]


def test_a_ticket_for_an_unknown_agent_is_passed_over(store: Bench) -> None:
    store.one(agent="gone", priority="urgent")
    known = store.one()
    assert store.claimed() == [known]


def test_a_want_gets_only_what_its_worker_may_do(store: Bench) -> None:
    by_default = store.one()
    other = store.one(agent="other")
    assert store.claimed(agents=frozenset({"other"})) == [other]
    assert store.claimed(agents=frozenset({"shell"})) == [by_default]


def test_a_want_may_name_a_repository_or_a_board(store: Bench) -> None:
    store.one()
    in_repo = store.one(repo_path="/r")
    on_board = store.one(board="b", repo_path="/other")
    assert store.claimed(repo_path="/r") == [in_repo]
    assert store.claimed(board="b") == [on_board]
    assert store.claimed(repo_path="/none") == []


def test_wants_with_other_filters_never_share_a_ticket(store: Bench) -> None:
    numbers = store.add("a", "b", repo_path="/r")
    wants = [
        Want(worker_id=WorkerId("x"), count=2),
        Want(worker_id=WorkerId("y"), count=2, repo_path="/r"),
        Want(worker_id=WorkerId("z"), count=2, agents=frozenset({"shell"})),
    ]
    assert [one.work.ticket_id for one in store.claim_for(wants)] == numbers


def test_a_paused_queue_is_not_claimed(store: Bench) -> None:
    number = store.one()
    assert (
        store.do(lambda verbs: verbs.pause(paused=True, board=None, now_ms=1)) is True
    )
    assert store.reads.queue().paused
    assert store.claimed() == []
    assert (
        store.do(lambda verbs: verbs.pause(paused=False, board=None, now_ms=2)) is True
    )
    assert store.claimed() == [number]


def test_a_paused_board_is_passed_over(store: Bench) -> None:
    store.one(board="still", priority="urgent")
    other = store.one()
    store.do(lambda verbs: verbs.pause(paused=True, board="still", now_ms=1))
    assert store.claimed() == [other]
    assert [(one.board, one.paused) for one in store.reads.boards()] == [
        ("main", False),
        ("still", True),
    ]


def test_pausing_twice_changes_nothing(store: Bench) -> None:
    store.do(lambda verbs: verbs.pause(paused=True, board=None, now_ms=1))
    assert (
        store.do(lambda verbs: verbs.pause(paused=True, board=None, now_ms=1)) is False
    )
    assert store.types() == ["queue_paused"]


def test_pausing_an_unknown_board_says_so(store: Bench) -> None:
    answer = store.do(lambda verbs: verbs.pause(paused=True, board="x", now_ms=1))
    assert not isinstance(answer, bool)
    assert answer.what == "board"


def test_a_claim_for_no_slots_is_empty(store: Bench) -> None:
    store.one()
    assert store.claim(0) == []


def test_the_assignment_is_in_the_journal_with_a_bounded_description(
    store: Bench,
) -> None:
    number = store.one(description_md="x" * 5_000)
    (claim,) = store.claim()
    event = store.reads.events(since=0, limit=9)[-1]
    assert (event.type, event.sender) == ("task_assign", "orchestrator")
    assert event.payload == {
        "task_id": number,
        "from": "ready",
        "to": "assigned",
        "run_id": claim.run_id,
        "epoch": 1,
        "attempt": 1,
        "worker_id": "worker-1",
        "agent": "shell",
        "branch": "",
        "worktree": "",
        "description": "x" * 200,
    }


def test_more_tickets_than_one_look_at_the_index_brings(store: Bench) -> None:
    store.policy = msgspec.structs.replace(
        store.policy, agents={"shell": AgentGate()}, starvation_bound=0
    )
    numbers = store.add(*(f"t{n}" for n in range(200)))
    store.add(*(f"u{n}" for n in range(3)), priority="urgent")
    assert len(store.claim(3)) == 3
    assert [one.work.ticket_id for one in store.claim(150)] == numbers[:150]


def test_a_worker_of_labels_gets_what_carries_all_of_them(store: Bench) -> None:
    store.one(labels=["gpu"])
    both = store.one(labels=["slow", "gpu", "red"])
    store.one()
    assert store.claimed(labels=frozenset({"gpu", "slow"})) == [both]
    assert store.claimed() == [1, 3]


def test_a_label_is_compared_whole(store: Bench) -> None:
    tricky = ['x"gpu"', '"gpu"', "gpu2", "GPU", "g\\pu", "%"]
    store.one(labels=tricky)
    assert store.claimed(labels=frozenset({"gpu"})) == []
    for label in tricky:
        number = store.one(labels=tricky)
        assert store.claimed(1, labels=frozenset({label})) == [number - 1]


def test_labels_and_a_repository_restrict_together(store: Bench) -> None:
    store.one(labels=["gpu"])
    here = store.one(labels=["gpu"], repo_path="/r")
    store.one(labels=["gpu"], repo_path="/s")
    store.one(repo_path="/r")
    assert store.claimed(labels=frozenset({"gpu"}), repo_path="/r") == [here]


def test_labelled_tickets_come_in_the_same_order(store: Bench) -> None:
    store.one(labels=["gpu"])
    urgent = store.one(labels=["gpu"], priority="urgent")
    assert store.claimed(labels=frozenset({"gpu"})) == [urgent, 1]
