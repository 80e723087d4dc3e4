//! The box for builds, with a real Buildbot behind it.

use super::Page;
use crate::world::world;

#[test]
fn a_build_of_a_real_buildbot_is_filed_in_the_box() {
    let buildbot = &world().buildbot;
    let page = Page::with(|folder| crate::filing::configure(folder, &buildbot.url));
    let mut client = page.client();
    let queue = client.get("/").is(200);
    let mut file = |number: u64| {
        let place = format!("builders/{}/builds/{number}", buildbot.builder_id);
        let address = format!("{}#/{place}", buildbot.url);
        client.send(&queue, "/file", &[("address", &address)])
    };
    file(buildbot.red_build).leads_to("/draft/10?said=filed&of=10");
    file(buildbot.red_build).leads_to("/draft/10?said=known&of=10");
    let green = file(buildbot.green_build).is(422);
    green.says("Nothing was filed: the build did not fail");
    file(777_777).is(422).says("there is no such build");
    file(u64::MAX).is(422).says("not the address of a build");
    let draft = client.get("/draft/10").is(200);
    draft.says("test_os.MemfdCreateTests.test_memfd_create");
}
