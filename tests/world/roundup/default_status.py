"""A new issue is open unless its reporter said otherwise (as on bugs.python.org)."""


def open_by_default(db, cl, nodeid, newvalues):
    if not newvalues.get("status"):
        newvalues["status"] = db.status.lookup("open")


def init(db):
    db.issue.audit("create", open_by_default)
