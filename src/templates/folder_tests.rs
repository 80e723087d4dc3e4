//! Templates from a folder: taken when good, told when not.

use expect_test::expect;

use super::*;

const NAME: &str = "issue-title.txt.hbs";

struct Folder(tempfile::TempDir);

impl Folder {
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    /// The problems without the folder's name.
    fn told(&self, problems: &[TemplateProblem]) -> String {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let place = format!("{}/", self.0.path().display());
        told.join("\n").replace(&place, "")
    }
}

fn title(templates: &Templates) -> String {
    let drafts = templates.render_sample().unwrap();
    let mut actions = drafts.iter().flat_map(|draft| &draft.actions);
    let title = actions.find_map(|action| match action {
        Action::Open(new) => Some(new.title.clone()),
        _ => None,
    });
    title.unwrap()
}

#[test]
fn a_broken_template_is_told_and_the_last_good_one_stays() {
    let folder = Folder(tempfile::tempdir().unwrap());
    folder.write(NAME, "[buildbot] {{title_what}} ({{title_where}})\n");
    let (mut templates, problems) = Templates::load(Some(folder.0.path()));
    assert_eq!(problems, []);
    let own = title(&templates);
    assert!(own.starts_with("[buildbot] test_"), "{own}");

    let mut told = String::new();
    for text in [
        "a\nb {{#if title_what}}\nc",
        "a {{title_what",
        "{{#if title_what}}x{{/each}}",
        "a\n {{nonsense}}",
        "{{#each builds}}{{nonsense}}{{/each}}",
        "{{#if github}}{{/if}}",
        "{{> other}}",
        "{{frobnicate title_what}}",
    ] {
        folder.write(NAME, text);
        told.push_str(&folder.told(&templates.reload()));
        told.push('\n');
        assert_eq!(title(&templates), own, "{text:?}");
    }
    let remedy = "\n    the template used before stays in use; correct the file and reload";
    expect![[r#"
        issue-title.txt.hbs:3:2: the syntax is wrong here, or something that was opened above is not closed
        issue-title.txt.hbs:1:15: the syntax is wrong here, or something that was opened above is not closed
        issue-title.txt.hbs:1:20: helper "if" was opened, but "each" is closing
        issue-title.txt.hbs:2:2: there is no field "nonsense" for this template
        issue-title.txt.hbs:1:17: there is no field "nonsense" for this template
        issue-title.txt.hbs: gives an empty title
        issue-title.txt.hbs:1:1: there is no template "other" to include
        issue-title.txt.hbs:1:1: there is no helper "frobnicate"
    "#]].assert_eq(&told.replace(remedy, ""));

    std::fs::remove_file(folder.0.path().join(NAME)).unwrap();
    assert_eq!(templates.reload(), []);
    assert!(
        title(&templates).starts_with("test_"),
        "the compiled-in one is back"
    );
}

#[test]
fn files_that_replace_nothing_are_told() {
    let folder = Folder(tempfile::tempdir().unwrap());
    folder.write("notes.txt", "mine");
    let (_, problems) = Templates::load(Some(folder.0.path()));
    expect![[r#"
        notes.txt: replaces no template
            it is ignored; there are: issue-title.txt.hbs, issue.md.hbs, comment.md.hbs, reply.txt.hbs, table.md.hbs, approval.txt.hbs, approvals.txt.hbs, answered.txt.hbs"#]].assert_eq(&folder.told(&problems));
}

#[test]
fn a_folder_that_is_not_there_is_told_and_harmless() {
    let (templates, problems) = Templates::load(Some(Path::new("/nowhere/templates")));
    expect![[r#"
        /nowhere/templates: the templates' folder cannot be read: No such file or directory (os error 2)
            the template used before stays in use; correct the file and reload"#]].assert_eq(&problems[0].to_string());
    assert!(templates.render_sample().is_ok());
}
