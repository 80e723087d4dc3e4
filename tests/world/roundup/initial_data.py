# What a fresh test tracker holds. Roundup runs this file with `db` and `adminpw`.

from roundup.password import Password

VALUES = {
    "priority": "release blocker,deferred blocker,critical,high,normal,low",
    "status": "open,closed,pending",
    "issue_type": "crash,compile error,resource usage,security,behavior,performance,"
    "enhancement",
    "stage": "test needed,needs patch,patch review,commit review,resolved",
    "resolution": "duplicate,fixed,not a bug,out of date,rejected,third party,wont fix",
    "severity": "critical,urgent,major,normal,minor",
    "version": "Python 2.7," + ",".join(f"Python 3.{minor}" for minor in range(6, 17)),
    "component": "2to3 (2.x to 3.x conversion tool),asyncio,Build,Cross-Build,ctypes,"
    "Documentation,Extension Modules,FreeBSD,IDLE,Installation,Interpreter Core,IO,"
    "Library (Lib),macOS,Parser,Regular Expressions,SSL,Subinterpreters,Tests,Tkinter,"
    "Unicode,Windows,XML",
    "keyword": "buildbot,patch,easy",
}
for class_name, names in VALUES.items():
    for order, name in enumerate(names.split(","), 1):
        db.getclass(class_name).create(name=name, order=order)

user = db.getclass("user")
user.create(username="admin", password=adminpw, address=admin_email, roles="Admin")
user.create(username="anonymous", roles="Anonymous")
for name, roles in (
    ("bbot", "User"),  # the daemon's account
    ("victor", "User,Developer"),  # a human who triages
    ("reader", "Reader"),
):
    user.create(
        username=name,
        password=Password(name + "pw", config=db.config),
        address=f"roundup-{name}@example.test",
        realname=name.title(),
        roles=roles,
    )
