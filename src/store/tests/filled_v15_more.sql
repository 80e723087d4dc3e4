
-- The version with the index of withdrawn replies has no more tables than the one before.
