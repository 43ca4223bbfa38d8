//! `archal criteria explain`: the CEL of a sentence, or the part that is not understood.

use archal_core::clone::CloneDescriptor;
use archal_core::diagnostic::nearest;

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::report::style::Style;
use crate::scenario::criteria::sentence::{Explanation, Lexicon, explain};

/// The CEL of a sentence, or the part that is not understood
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Bad, Exit::Usage]))]
pub(crate) struct Args {
    /// The sentence, as it stands after `- [D]` in a scenario
    sentence: String,

    /// The clones it is about, by comma or repeated [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    clone: Vec<String>,

    #[command(flatten)]
    output: JsonOutput,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let clones = chosen(args, cx)?;
    let lexicon = Lexicon::new(&clones).map_err(CliError::internal)?;
    let explanation = explain(&args.sentence, &lexicon);
    tell(&explanation, cx);
    cx.printer
        .document("archal.criteria-explain", 1, &explanation);
    Ok(if explanation.refused.is_some() {
        Exit::Bad
    } else {
        Exit::Fine
    })
}

fn chosen(args: &Args, cx: &CommandContext) -> Result<Vec<&'static CloneDescriptor>, CliError> {
    if args.clone.is_empty() {
        return Ok(cx.clones.iter().collect());
    }
    let find = |name: &String| {
        let found = cx.clones.iter().find(|clone| clone.name == name);
        found.ok_or_else(|| {
            let error = CliError::usage(format!("there is no clone named {name:?}"));
            match nearest(name, cx.clones.iter().map(|clone| clone.name)) {
                Some(near) => error.hint(format!("did you mean {near:?}?")),
                None => error.hint("archal clone list"),
            }
        })
    };
    args.clone.iter().map(find).collect()
}

fn tell(explanation: &Explanation, cx: &mut CommandContext) {
    if let Some(refused) = &explanation.refused {
        cx.printer.line(format!(
            "{} {}",
            Style::Error.paint("not understood:"),
            refused.part
        ));
        cx.printer.line(format!("  why   {}", refused.message));
        if let Some(help) = &refused.help {
            cx.printer.line(format!("  help  {}", help));
        }
        cx.printer
            .line("  or write the condition as CEL in backticks, or tag it [P] for the judge");
        return;
    }
    if let Some(cel) = &explanation.cel {
        cx.printer.line(cel.clone());
    }
    if let Some(canonical) = &explanation.canonical {
        cx.printer.line(format!("  read as  {}", canonical));
    }
    for reading in &explanation.readings {
        let name = match reading.reading {
            "finalState" => "of the final state",
            _ => "of the change",
        };
        let mark = if reading.decides {
            ", which decides"
        } else {
            ""
        };
        cx.printer.line(format!("  {name}{mark}"));
        cx.printer.line(format!("    {}", reading.cel));
        cx.printer
            .line(format!("    without doubt: {}", reading.rewrite));
    }
    let words: Vec<String> = explanation
        .words
        .iter()
        .filter(|word| word.kind != "grammar" && word.kind != "mark")
        .map(|word| match word.clone {
            Some(clone) => format!("{} ({} of {clone})", word.text, word.kind),
            None => format!("{} ({})", word.text, word.kind),
        })
        .collect();
    if !words.is_empty() {
        cx.printer.line(format!("  words    {}", words.join(", ")));
    }
}
