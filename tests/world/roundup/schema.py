# The classes and rights of the test trackers: Roundup's classic template made
# to look like bugs.python.org (versions, components, type, status open/closed/
# pending; a plain user may not set priority, keywords, stage or assignee).
# Roundup runs this file with `db`, `Class`, `String` ... in its namespace.

for name in ("priority", "status", "type", "stage", "resolution", "severity"):
    cls = Class(db, {"type": "issue_type"}.get(name, name), name=String(), order=Number())
    cls.setkey("name")
for name in ("version", "component", "keyword"):
    cls = Class(db, name, name=String(), description=String(), order=Number())
    cls.setkey("name")

query = Class(
    db, "query", klass=String(), name=String(), url=String(), private_for=Link("user")
)
user = Class(
    db,
    "user",
    username=String(),
    password=Password(),
    address=String(),
    realname=String(),
    phone=String(),
    organisation=String(),
    alternate_addresses=String(),
    queries=Multilink("query"),
    roles=String(),
    timezone=String(),
)
user.setkey("username")

msg = FileClass(
    db,
    "msg",
    author=Link("user", do_journal="no"),
    recipients=Multilink("user", do_journal="no"),
    date=Date(),
    summary=String(),
    files=Multilink("file"),
    messageid=String(),
    inreplyto=String(),
)
file = FileClass(db, "file", name=String())
# IssueClass adds title, messages, files, nosy and superseder.
issue = IssueClass(
    db,
    "issue",
    type=Link("issue_type"),
    components=Multilink("component"),
    versions=Multilink("version"),
    severity=Link("severity"),
    priority=Link("priority"),
    dependencies=Multilink("issue"),
    assignee=Link("user"),
    status=Link("status"),
    resolution=Link("resolution"),
    keywords=Multilink("keyword"),
    stage=Link("stage"),
    github=Integer(),
)

grant = db.security.addPermissionToRole
permission = db.security.addPermission
permission(name="Register", klass="user", description="may register a new user")
db.security.addRole(name="Developer", description="may triage")
db.security.addRole(name="Reader", description="may log in and read, nothing else")

# Everybody, logged in or not, may read everything but people's addresses.
readable = (
    "issue msg file keyword priority status issue_type stage resolution severity"
    " version component"
).split()
public_user = permission(
    name="View",
    klass="user",
    properties=("id", "username", "realname", "organisation", "timezone"),
)
for role in ("User", "Reader", "Anonymous"):
    grant(role, "Web Access")
    for class_name in readable:
        grant(role, "View", class_name)
    grant(role, public_user)
for role in ("User", "Reader"):
    grant(role, "Rest Access")
    grant(role, "Xmlrpc Access")
    grant(role, "Email Access")

# What a plain user may set, as on bugs.python.org.
users_fields = (
    "title type components versions severity messages files nosy superseder github".split()
)
grant("User", permission(name="Create", klass="issue", properties=users_fields))
grant("User", permission(name="Edit", klass="issue", properties=users_fields))
for class_name in ("msg", "file"):
    grant("User", "Create", class_name)


def own_issue(db, userid, itemid):
    """A reporter may close and reopen the issue."""
    return userid == db.issue.get(itemid, "creator")


grant(
    "User",
    permission(
        name="Edit", klass="issue", check=own_issue, properties=("status", "resolution")
    ),
)
for action in ("Create", "Edit"):
    grant("Developer", action, "issue")


def own_record(db, userid, itemid):
    """A user may read and change his own record."""
    return userid == itemid


for action in ("View", "Edit"):
    own = permission(
        name=action,
        klass="user",
        check=own_record,
        properties=("username", "password", "address", "realname", "timezone"),
    )
    grant("User", own)
