-- What an agent says of its own run: how far it is, and what it asks.

ALTER TABLE runs ADD COLUMN progress INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN step TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN current_step INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN total_steps INTEGER NOT NULL DEFAULT 0;
-- Lines of the execution log that its agent wrote over agent.sock: they are bounded.
ALTER TABLE runs ADD COLUMN lines_said INTEGER NOT NULL DEFAULT 0;

-- One for each run (a ticket's epoch); asked again, the last one stands.
CREATE TABLE questions (
    ticket_id INTEGER NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind = 'clarification' OR kind = 'permission'),
    text TEXT NOT NULL,
    choices TEXT NOT NULL,
    asked_at_ms INTEGER NOT NULL,
    answer TEXT,
    answered_at_ms INTEGER,
    PRIMARY KEY (ticket_id, epoch),
    CHECK ((answer IS NULL) = (answered_at_ms IS NULL))
) STRICT, WITHOUT ROWID;
