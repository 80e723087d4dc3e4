-- How often replies to a notification were withdrawn is asked with each delivery; there
-- are few of them among many.
CREATE INDEX deliveries_withdrawn ON deliveries (coalesce(answers, notification))
    WHERE kind = 'reply' AND withdrawn_at IS NOT NULL;
