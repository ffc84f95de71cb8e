-- A store as the program of schema 1 wrote it: a ticket in each state, a lost run, a
-- dependency. Made once, by that program (sqlite3 .dump); never changed.
PRAGMA application_id = 1801547362;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE boards (
    name TEXT PRIMARY KEY,
    paused INTEGER NOT NULL DEFAULT 0 CHECK (paused BETWEEN 0 AND 1)
) STRICT, WITHOUT ROWID;
INSERT INTO "boards" VALUES('main',0);
INSERT INTO "boards" VALUES('web',0);
CREATE TABLE counts (
    board TEXT NOT NULL REFERENCES boards (name),
    state TEXT NOT NULL,
    tickets INTEGER NOT NULL CHECK (tickets >= 0),
    PRIMARY KEY (board, state)
) STRICT, WITHOUT ROWID;
INSERT INTO "counts" VALUES('main','assigned',1);
INSERT INTO "counts" VALUES('main','backlog',1);
INSERT INTO "counts" VALUES('main','blocked',1);
INSERT INTO "counts" VALUES('main','cancelled',1);
INSERT INTO "counts" VALUES('main','completed',1);
INSERT INTO "counts" VALUES('main','failed',1);
INSERT INTO "counts" VALUES('main','in_review',1);
INSERT INTO "counts" VALUES('main','ready',1);
INSERT INTO "counts" VALUES('main','working',1);
INSERT INTO "counts" VALUES('web','ready',2);
CREATE TABLE depends (
    ticket_id INTEGER NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    on_id INTEGER NOT NULL REFERENCES tickets (id),
    -- Set when on_id is completed, and never unset: a reopening closes nothing.
    met INTEGER NOT NULL CHECK (met BETWEEN 0 AND 1),
    PRIMARY KEY (ticket_id, on_id)
) STRICT, WITHOUT ROWID;
INSERT INTO "depends" VALUES(11,10,0);
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    ts_ms INTEGER NOT NULL,
    sender TEXT NOT NULL,
    type TEXT NOT NULL,
    correlation_id INTEGER,
    payload TEXT NOT NULL
) STRICT;
INSERT INTO "journal" VALUES(1,1000000,'user','task_created',1,'{"task_id":1,"to":"ready","title":"A ticket","board":"main"}');
INSERT INTO "journal" VALUES(2,1000000,'orchestrator','task_assign',1,'{"task_id":1,"from":"ready","to":"assigned","run_id":"018bcfe5-6801-7000-8000-000000000001","epoch":1,"attempt":1,"worker_id":"worker-1","agent":"shell","branch":"","worktree":"","description":"As it was in the first schema: working."}');
INSERT INTO "journal" VALUES(3,1000000,'worker','run_started',1,'{"task_id":1,"run_id":"018bcfe5-6801-7000-8000-000000000001","epoch":1,"worker_id":"worker-1","agent":"shell"}');
INSERT INTO "journal" VALUES(4,1000000,'worker','state_change',1,'{"task_id":1,"from":"assigned","to":"working","why":"The agent runs."}');
INSERT INTO "journal" VALUES(5,1000000,'user','task_created',2,'{"task_id":2,"to":"ready","title":"A ticket","board":"main"}');
INSERT INTO "journal" VALUES(6,1000000,'orchestrator','task_assign',2,'{"task_id":2,"from":"ready","to":"assigned","run_id":"018bcfe5-6802-7000-8000-000000000002","epoch":1,"attempt":1,"worker_id":"worker-1","agent":"shell","branch":"","worktree":"","description":"As it was in the first schema: in_review."}');
INSERT INTO "journal" VALUES(7,1000000,'worker','run_started',2,'{"task_id":2,"run_id":"018bcfe5-6802-7000-8000-000000000002","epoch":1,"worker_id":"worker-1","agent":"shell"}');
INSERT INTO "journal" VALUES(8,1000000,'worker','state_change',2,'{"task_id":2,"from":"assigned","to":"working","why":"The agent runs."}');
INSERT INTO "journal" VALUES(9,1000000,'worker','run_finished',2,'{"task_id":2,"run_id":"018bcfe5-6802-7000-8000-000000000002","epoch":1,"worker_id":"worker-1","agent":"shell","status":"finished","failure":null,"duration_ms":0}');
INSERT INTO "journal" VALUES(10,1000000,'system','state_change',2,'{"task_id":2,"from":"working","to":"in_review","why":"The run ended well; its result waits for review."}');
INSERT INTO "journal" VALUES(11,1000000,'user','task_created',3,'{"task_id":3,"to":"ready","title":"A ticket","board":"main"}');
INSERT INTO "journal" VALUES(12,1000000,'orchestrator','task_assign',3,'{"task_id":3,"from":"ready","to":"assigned","run_id":"018bcfe5-6803-7000-8000-000000000003","epoch":1,"attempt":1,"worker_id":"worker-1","agent":"shell","branch":"","worktree":"","description":"As it was in the first schema: completed."}');
INSERT INTO "journal" VALUES(13,1000000,'worker','run_started',3,'{"task_id":3,"run_id":"018bcfe5-6803-7000-8000-000000000003","epoch":1,"worker_id":"worker-1","agent":"shell"}');
INSERT INTO "journal" VALUES(14,1000000,'worker','state_change',3,'{"task_id":3,"from":"assigned","to":"working","why":"The agent runs."}');
INSERT INTO "journal" VALUES(15,1000000,'worker','run_finished',3,'{"task_id":3,"run_id":"018bcfe5-6803-7000-8000-000000000003","epoch":1,"worker_id":"worker-1","agent":"shell","status":"finished","failure":null,"duration_ms":0}');
INSERT INTO "journal" VALUES(16,1000000,'system','state_change',3,'{"task_id":3,"from":"working","to":"completed","why":"The run ended well."}');
INSERT INTO "journal" VALUES(17,1000000,'user','task_created',4,'{"task_id":4,"to":"ready","title":"A ticket","board":"main"}');
INSERT INTO "journal" VALUES(18,1000000,'orchestrator','task_assign',4,'{"task_id":4,"from":"ready","to":"assigned","run_id":"018bcfe5-6804-7000-8000-000000000004","epoch":1,"attempt":1,"worker_id":"worker-1","agent":"shell","branch":"","worktree":"","description":"As it was in the first schema: failed."}');
INSERT INTO "journal" VALUES(19,1000000,'worker','run_started',4,'{"task_id":4,"run_id":"018bcfe5-6804-7000-8000-000000000004","epoch":1,"worker_id":"worker-1","agent":"shell"}');
INSERT INTO "journal" VALUES(20,1000000,'worker','state_change',4,'{"task_id":4,"from":"assigned","to":"working","why":"The agent runs."}');
INSERT INTO "journal" VALUES(21,1000000,'worker','run_finished',4,'{"task_id":4,"run_id":"018bcfe5-6804-7000-8000-000000000004","epoch":1,"worker_id":"worker-1","agent":"shell","status":"error","failure":"auth","duration_ms":0}');
INSERT INTO "journal" VALUES(22,1000000,'system','task_failed',4,'{"task_id":4,"from":"working","to":"failed","reason":"The provider refused the credentials. Retrying cannot mend this: remove the cause, then retry it."}');
INSERT INTO "journal" VALUES(23,1000000,'user','task_created',5,'{"task_id":5,"to":"ready","title":"A ticket","board":"main"}');
INSERT INTO "journal" VALUES(24,1000000,'orchestrator','task_assign',5,'{"task_id":5,"from":"ready","to":"assigned","run_id":"018bcfe5-6805-7000-8000-000000000005","epoch":1,"attempt":1,"worker_id":"worker-1","agent":"shell","branch":"","worktree":"","description":"As it was in the first schema: assigned."}');
INSERT INTO "journal" VALUES(25,1000000,'user','task_created',6,'{"task_id":6,"to":"ready","title":"A ticket","board":"main"}');
INSERT INTO "journal" VALUES(26,1000000,'user','state_change',6,'{"task_id":6,"from":"ready","to":"blocked","why":"A user moved it from Ready to Blocked."}');
INSERT INTO "journal" VALUES(27,1000000,'user','task_created',7,'{"task_id":7,"to":"ready","title":"A ticket","board":"main"}');
INSERT INTO "journal" VALUES(28,1000000,'user','state_change',7,'{"task_id":7,"from":"ready","to":"cancelled","why":"A user cancelled it; retry it to have it done."}');
INSERT INTO "journal" VALUES(29,1000000,'user','task_created',8,'{"task_id":8,"to":"backlog","title":"A ticket","board":"main"}');
INSERT INTO "journal" VALUES(30,1000000,'user','task_created',9,'{"task_id":9,"to":"ready","title":"A ticket","board":"main"}');
INSERT INTO "journal" VALUES(31,1000000,'user','task_created',10,'{"task_id":10,"to":"ready","title":"A ticket that another waits for","board":"web"}');
INSERT INTO "journal" VALUES(32,1000000,'user','task_created',11,'{"task_id":11,"to":"ready","title":"One that waits","board":"web"}');
INSERT INTO "journal" VALUES(33,1000000,'orchestrator','task_assign',9,'{"task_id":9,"from":"ready","to":"assigned","run_id":"018bcfe5-6806-7000-8000-000000000006","epoch":1,"attempt":1,"worker_id":"worker-1","agent":"shell","branch":"","worktree":"","description":"As it was in the first schema: ready."}');
INSERT INTO "journal" VALUES(34,1000000,'worker','run_started',9,'{"task_id":9,"run_id":"018bcfe5-6806-7000-8000-000000000006","epoch":1,"worker_id":"worker-1","agent":"shell"}');
INSERT INTO "journal" VALUES(35,1000000,'worker','state_change',9,'{"task_id":9,"from":"assigned","to":"working","why":"The agent runs."}');
INSERT INTO "journal" VALUES(36,1000000,'worker','run_finished',9,'{"task_id":9,"run_id":"018bcfe5-6806-7000-8000-000000000006","epoch":1,"worker_id":"worker-1","agent":"shell","status":"error","failure":"worker_lost","duration_ms":0}');
INSERT INTO "journal" VALUES(37,1000000,'system','state_change',9,'{"task_id":9,"from":"working","to":"ready","why":"The run was lost with its worker. It is tried again at once."}');
CREATE TABLE run_log (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    ts_ms INTEGER NOT NULL,
    level TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    ticket_id INTEGER NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    worker_id TEXT NOT NULL,
    agent TEXT NOT NULL,
    repo_path TEXT,
    in_place INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (
        status = 'queued' OR status = 'running' OR status = 'finished'
        OR status = 'error' OR status = 'aborted'),
    -- A cancellation that was accepted while it was live.
    wish TEXT CHECK (wish IS NULL
        OR wish = 'cancel' OR wish = 'requeue' OR wish = 'shutdown'),
    last_seq INTEGER NOT NULL DEFAULT 0,
    -- What was reported at the end, to know a repetition from another result.
    reported TEXT,
    failure TEXT,
    message TEXT NOT NULL DEFAULT '',
    exit_code INTEGER,
    signal INTEGER,
    summary_md TEXT NOT NULL DEFAULT '',
    branch TEXT,
    worktree TEXT,
    head_before TEXT,
    head_after TEXT,
    files_changed TEXT NOT NULL DEFAULT '[]',
    files_changed_count INTEGER NOT NULL DEFAULT 0,
    insertions INTEGER NOT NULL DEFAULT 0,
    deletions INTEGER NOT NULL DEFAULT 0,
    output_bytes INTEGER NOT NULL DEFAULT 0,
    log_cut INTEGER NOT NULL DEFAULT 0,
    leftovers_killed INTEGER NOT NULL DEFAULT 0,
    proof TEXT NOT NULL DEFAULT 'none',
    cpu_ms INTEGER NOT NULL DEFAULT 0,
    rss_max_bytes INTEGER NOT NULL DEFAULT 0,
    agent_ended_at_ms INTEGER,
    duration_ms INTEGER,
    queued_at_ms INTEGER NOT NULL,
    started_at_ms INTEGER,
    ended_at_ms INTEGER,
    CHECK ((ended_at_ms IS NULL) = (status = 'queued' OR status = 'running'))
) STRICT;
INSERT INTO "runs" VALUES('018bcfe5-6801-7000-8000-000000000001',1,1,1,'worker-1','shell',NULL,0,'running',NULL,1,NULL,NULL,'',NULL,NULL,'',NULL,NULL,NULL,NULL,'[]',0,0,0,0,0,0,'none',0,0,NULL,NULL,1000000,1000000,NULL);
INSERT INTO "runs" VALUES('018bcfe5-6802-7000-8000-000000000002',2,1,1,'worker-1','shell','/r',0,'finished',NULL,2,'2 finished',NULL,'',NULL,NULL,'',NULL,NULL,NULL,NULL,'[]',0,0,0,0,0,0,'none',0,0,NULL,NULL,1000000,1000000,1000000);
INSERT INTO "runs" VALUES('018bcfe5-6803-7000-8000-000000000003',3,1,1,'worker-1','shell',NULL,0,'finished',NULL,2,'2 finished',NULL,'',NULL,NULL,'',NULL,NULL,NULL,NULL,'[]',0,0,0,0,0,0,'none',0,0,NULL,NULL,1000000,1000000,1000000);
INSERT INTO "runs" VALUES('018bcfe5-6804-7000-8000-000000000004',4,1,1,'worker-1','shell','/r',0,'error',NULL,2,'2 error auth','auth','',NULL,NULL,'',NULL,NULL,NULL,NULL,'[]',0,0,0,0,0,0,'none',0,0,NULL,NULL,1000000,1000000,1000000);
INSERT INTO "runs" VALUES('018bcfe5-6805-7000-8000-000000000005',5,1,1,'worker-1','shell',NULL,0,'queued',NULL,0,NULL,NULL,'',NULL,NULL,'',NULL,NULL,NULL,NULL,'[]',0,0,0,0,0,0,'none',0,0,NULL,NULL,1000000,NULL,NULL);
INSERT INTO "runs" VALUES('018bcfe5-6806-7000-8000-000000000006',9,1,1,'worker-1','shell',NULL,0,'error',NULL,2,'2 error worker_lost','worker_lost','',NULL,NULL,'',NULL,NULL,NULL,NULL,'[]',0,0,0,0,0,0,'none',0,0,NULL,NULL,1000000,1000000,1000000);
CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "settings" VALUES('claims_made',6);
INSERT INTO "settings" VALUES('journal_base',0);
INSERT INTO "settings" VALUES('paused',0);
CREATE TABLE stale_results (
    run_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (run_id, epoch)
) STRICT, WITHOUT ROWID;
CREATE TABLE texts (
    ticket_id INTEGER PRIMARY KEY REFERENCES tickets (id) ON DELETE CASCADE,
    description_md TEXT NOT NULL,
    instructions TEXT NOT NULL
) STRICT;
INSERT INTO "texts" VALUES(1,'As it was in the first schema: working.','');
INSERT INTO "texts" VALUES(2,'As it was in the first schema: in_review.','');
INSERT INTO "texts" VALUES(3,'As it was in the first schema: completed.','');
INSERT INTO "texts" VALUES(4,'As it was in the first schema: failed.','');
INSERT INTO "texts" VALUES(5,'As it was in the first schema: assigned.','');
INSERT INTO "texts" VALUES(6,'As it was in the first schema: blocked.','');
INSERT INTO "texts" VALUES(7,'As it was in the first schema: cancelled.','');
INSERT INTO "texts" VALUES(8,'As it was in the first schema: backlog.','');
INSERT INTO "texts" VALUES(9,'As it was in the first schema: ready.','');
CREATE TABLE tickets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    board TEXT NOT NULL REFERENCES boards (name),
    -- Busiest first: the rest is not evaluated.
    state TEXT NOT NULL CHECK (
        state = 'working' OR state = 'assigned' OR state = 'completed'
        OR state = 'ready' OR state = 'in_review' OR state = 'failed'
        OR state = 'backlog' OR state = 'blocked' OR state = 'approved'
        OR state = 'cancelled' OR state = 'needs_input' OR state = 'conflicted'),
    -- Why a ready ticket may not be claimed; NULL: it may.
    waits_for TEXT CHECK (waits_for IS NULL
        OR waits_for = 'due' OR waits_for = 'depends' OR waits_for = 'repo'),
    agent TEXT NOT NULL,
    -- 0 urgent … 3 low: what claims are ordered by; age (id) decides within.
    band INTEGER NOT NULL CHECK (band BETWEEN 0 AND 3),
    repo_path TEXT,
    due_at_ms INTEGER,
    -- The lease: a run and its worker. It has no expiry here; workers on the link are
    -- covered by its heartbeat, in monotonic time, by the daemon.
    epoch INTEGER NOT NULL DEFAULT 0,
    locked_by_run_id TEXT,
    worker_id TEXT,
    priority_number INTEGER NOT NULL CHECK (priority_number BETWEEN 1 AND 10),
    title TEXT NOT NULL,
    labels TEXT NOT NULL,
    task_type TEXT NOT NULL,
    base_branch TEXT,
    branch TEXT,
    worktree TEXT,
    model TEXT,
    max_retries INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_count INTEGER NOT NULL DEFAULT 0,
    losses INTEGER NOT NULL DEFAULT 0,
    deferrals INTEGER NOT NULL DEFAULT 0,
    fresh INTEGER NOT NULL DEFAULT 0,
    failure TEXT,
    reason TEXT NOT NULL DEFAULT '',
    previous_failure TEXT NOT NULL DEFAULT '',
    scheduled_at_ms INTEGER,
    timeout_s REAL,
    estimated_duration_s REAL,
    actual_duration_s REAL,
    key TEXT,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    state_changed_at_ms INTEGER NOT NULL,
    started_at_ms INTEGER,
    completed_at_ms INTEGER,
    CHECK (waits_for IS NULL OR state = 'ready'),
    CHECK ((waits_for IS 'due') = (due_at_ms IS NOT NULL)),
    CHECK ((locked_by_run_id IS NULL) = (worker_id IS NULL)),
    CHECK (locked_by_run_id IS NOT NULL
        OR (state <> 'assigned' AND state <> 'working')),
    -- A merge holds a lease while its ticket stays approved or conflicted.
    CHECK (locked_by_run_id IS NULL
        OR state = 'assigned' OR state = 'working'
        OR state = 'approved' OR state = 'conflicted')
) STRICT;
INSERT INTO "tickets" VALUES(1,'main','working',NULL,'any',2,NULL,NULL,1,'018bcfe5-6801-7000-8000-000000000001','worker-1',5,'A ticket','["old","working"]','general',NULL,NULL,NULL,NULL,3,1,0,0,0,0,NULL,'','',NULL,NULL,NULL,NULL,NULL,1000000,1000000,1000000,1000000,NULL);
INSERT INTO "tickets" VALUES(2,'main','in_review',NULL,'any',2,'/r',NULL,1,NULL,NULL,5,'A ticket','["old","in_review"]','general',NULL,NULL,NULL,NULL,3,1,0,0,0,0,NULL,'The run ended well; its result waits for review.','',NULL,NULL,NULL,NULL,NULL,1000000,1000000,1000000,1000000,NULL);
INSERT INTO "tickets" VALUES(3,'main','completed',NULL,'any',2,NULL,NULL,1,NULL,NULL,5,'A ticket','["old","completed"]','general',NULL,NULL,NULL,NULL,3,1,0,0,0,0,NULL,'The run ended well.','',NULL,NULL,NULL,NULL,NULL,1000000,1000000,1000000,1000000,1000000);
INSERT INTO "tickets" VALUES(4,'main','failed',NULL,'any',2,'/r',NULL,1,NULL,NULL,5,'A ticket','["old","failed"]','general',NULL,NULL,NULL,NULL,3,1,0,0,0,0,'auth','The provider refused the credentials. Retrying cannot mend this: remove the cause, then retry it.','The provider refused the credentials.',NULL,NULL,NULL,NULL,NULL,1000000,1000000,1000000,1000000,NULL);
INSERT INTO "tickets" VALUES(5,'main','assigned',NULL,'any',2,NULL,NULL,1,'018bcfe5-6805-7000-8000-000000000005','worker-1',5,'A ticket','["old","assigned"]','general',NULL,NULL,NULL,NULL,3,1,0,0,0,0,NULL,'','',NULL,NULL,NULL,NULL,NULL,1000000,1000000,1000000,NULL,NULL);
INSERT INTO "tickets" VALUES(6,'main','blocked',NULL,'any',2,'/r',NULL,0,NULL,NULL,5,'A ticket','["old","blocked"]','general',NULL,NULL,NULL,NULL,3,0,0,0,0,0,NULL,'A user moved it from Ready to Blocked.','',NULL,NULL,NULL,NULL,NULL,1000000,1000000,1000000,NULL,NULL);
INSERT INTO "tickets" VALUES(7,'main','cancelled',NULL,'any',2,NULL,NULL,0,NULL,NULL,5,'A ticket','["old","cancelled"]','general',NULL,NULL,NULL,NULL,3,0,0,0,0,0,NULL,'A user cancelled it; retry it to have it done.','',NULL,NULL,NULL,NULL,NULL,1000000,1000000,1000000,NULL,NULL);
INSERT INTO "tickets" VALUES(8,'main','backlog',NULL,'any',2,'/r',NULL,0,NULL,NULL,5,'A ticket','["old","backlog"]','general',NULL,NULL,NULL,NULL,3,0,0,0,0,0,NULL,'','',NULL,NULL,NULL,NULL,NULL,1000000,1000000,1000000,NULL,NULL);
INSERT INTO "tickets" VALUES(9,'main','ready',NULL,'any',2,NULL,NULL,1,NULL,NULL,5,'A ticket','["old","ready"]','general',NULL,NULL,NULL,NULL,3,1,0,1,0,0,'worker_lost','The run was lost with its worker. It is tried again at once.','The run was lost with its worker.',NULL,NULL,NULL,NULL,NULL,1000000,1000000,1000000,1000000,NULL);
INSERT INTO "tickets" VALUES(10,'web','ready',NULL,'any',2,NULL,NULL,0,NULL,NULL,5,'A ticket that another waits for','[]','general',NULL,NULL,NULL,NULL,3,0,0,0,0,0,NULL,'','',NULL,NULL,NULL,NULL,'first',1000000,1000000,1000000,NULL,NULL);
INSERT INTO "tickets" VALUES(11,'web','ready','depends','any',2,NULL,NULL,0,NULL,NULL,5,'One that waits','[]','general',NULL,NULL,NULL,NULL,3,0,0,0,0,0,NULL,'','',NULL,NULL,NULL,NULL,NULL,1000000,1000000,1000000,NULL,NULL);
CREATE TABLE workers (
    worker_id TEXT PRIMARY KEY,
    tickets_processed INTEGER NOT NULL DEFAULT 0,
    row TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX claimable ON tickets (board, agent, band, id)
    WHERE state = 'ready' AND waits_for IS NULL;
CREATE INDEX claimable_in_repo ON tickets (repo_path, board, agent, band, id)
    WHERE state = 'ready' AND waits_for IS NULL AND repo_path IS NOT NULL;
CREATE INDEX parked_in_repo ON tickets (repo_path, board, agent, band, id)
    WHERE waits_for = 'repo';
CREATE INDEX waiting ON tickets (waits_for) WHERE waits_for IS NOT NULL;
CREATE INDEX due ON tickets (due_at_ms) WHERE waits_for = 'due';
CREATE UNIQUE INDEX leases ON tickets (locked_by_run_id)
    WHERE locked_by_run_id IS NOT NULL;
CREATE UNIQUE INDEX keys ON tickets (key) WHERE key IS NOT NULL;
CREATE INDEX unfinished ON tickets (state)
    WHERE state <> 'completed' AND state <> 'cancelled';
CREATE INDEX dependents ON depends (on_id) WHERE met = 0;
CREATE INDEX runs_of_ticket ON runs (ticket_id);
CREATE INDEX live_in_repo ON runs (repo_path, in_place)
    WHERE ended_at_ms IS NULL AND repo_path IS NOT NULL;
CREATE INDEX journal_of_ticket ON journal (correlation_id)
    WHERE correlation_id IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tickets',11);
COMMIT;