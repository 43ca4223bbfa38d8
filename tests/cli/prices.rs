//! `archal prices`.

use super::environment;

#[test]
fn a_row_is_shown_with_version_and_date() {
    let output = environment().run(&["prices", "anthropic.claude-sonnet-5"]);
    assert_eq!(output.code, Some(2), "{output}");
    let output = environment()
        .run(&["prices", "anthropic/claude-sonnet-4-5"])
        .ended(0);
    for part in [
        "input $3.00, output $15.00, cache read $0.30, cache write $3.75",
        "with more than 200000 input tokens: input $6.00, output $22.50",
        "version 2026-11-21, taken on 2026-11-21, from the price table of LiteLLM, https://github.com/BerriAI/",
    ] {
        assert!(output.stdout.contains(part), "{output}");
    }
    let document = environment()
        .run(&["prices", "gpt-5", "--json"])
        .ended(0)
        .json();
    super::schema::holds(&document);
    assert_eq!(
        document["tables"][0]["models"][0]["cacheRead"],
        serde_json::json!(0.125)
    );
    let all = environment().run(&["prices", "--json"]).ended(0).json();
    assert!(all["tables"][0]["models"].as_array().expect("rows").len() >= 30);
}

#[test]
fn an_unknown_model_has_no_price() {
    let output = environment().run(&["prices", "gpt-5.44"]);
    insta::assert_snapshot!(output, @r"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: the price of `gpt-5.44` is unknown
        hint: archal prices gpt-5.4
        hint: your own prices can stand in the file that `budget.prices` names
        ");
}

#[test]
fn own_prices_stand_beside_the_configuration_and_come_first() {
    let environment = environment();
    environment.write(
        "settings/.archal.json",
        r#"{"budget": {"prices": "ours.json"}}"#,
    );
    let own = r#"{"version": "ours", "models": [{"model": "gpt-5", "input": 1, "output": 2}]}"#;
    environment.write("settings/ours.json", own);
    let arguments = ["prices", "azure/gpt-5", "--config", "settings/.archal.json"];
    let output = environment.run(&arguments);
    insta::assert_snapshot!(output, @r"
        exit code: 0
        ----- stdout -----
        gpt-5
          input $1.00, output $2.00
          dollars for a million tokens, version ours
        ----- stderr -----
        ");
    let schema = environment.run(&["schema", "prices"]).ended(0).json();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    assert!(validator.is_valid(&serde_json::from_str(own).expect("JSON")));
    environment.write("settings/ours.json", r#"{"version": "ours", "rows": []}"#);
    let output = environment.run(&arguments);
    insta::assert_snapshot!(output, @r"
        exit code: 2
        ----- stdout -----
        ----- stderr -----
        error: $TEST_ENV/repo/settings/ours.json is no table of prices
          caused by: rows: unknown field `rows`, expected one of `version`, `date`, `source`, `licence`, `models` at line 1 column 26
        hint: archal schema prices
        ");
}
