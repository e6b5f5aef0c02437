//! `mlbuild trend` reads what the baseline job published, and believes no release that somebody else made.

use super::CONFIG;
use super::CONFIG_PATH;
use super::MODEL_PATH;
use super::Repository;
use super::bloated;
use super::mlp;
use crate::support::desk::json;
use crate::support::fake_github::TOKEN;
use crate::support::fake_github::state::User;

#[test]
fn releases_are_a_history() {
    let repository = Repository::of_committed_model();
    repository.refresh();
    let second = repository.push(&[(MODEL_PATH, &bloated())]);
    repository.refresh();
    let mut desk = crate::support::desk::empty();
    desk.write(CONFIG_PATH, CONFIG);
    desk.write(MODEL_PATH, mlp());
    desk.variable("GITHUB_REPOSITORY", &repository.fake.edit(|state| state.repo.clone()));
    desk.variable("GITHUB_TOKEN", TOKEN);
    desk.variable("GITHUB_API_URL", &repository.fake.edit(|state| state.api.clone()));

    let trend = json(&desk.run(&["trend", "--metric", "size", "--json"]).expect_code(0));
    assert_eq!(trend["sources"], serde_json::json!(["2 releases of `default`"]));
    let series = &trend["series"][0];
    assert_eq!(series["points"].as_array().unwrap().len(), 2, "{series}");
    assert_eq!(series["changes"][0]["commit"], second.as_str(), "{series}");
    let median = json(&desk.run(&["trend", "--json"]).expect_code(0));
    assert_eq!(median["series"][0]["points"].as_array().unwrap().len(), 2);
    assert!(
        median["series"][0]["points"][0]["lower"].is_number(),
        "raw samples give intervals"
    );

    repository.forge(|release| {
        for asset in &mut release.assets {
            asset.uploader = User::person(7, "mallory");
        }
    });
    let output = desk.run(&["trend", "--metric", "size", "--json"]).expect_code(0);
    assert!(output.stderr.contains("was uploaded by mallory"), "{}", output.stderr);
    assert_eq!(json(&output)["series"][0]["points"].as_array().unwrap().len(), 1);
}
