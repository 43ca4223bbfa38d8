//! `archal clone webhooks`: what a session tells webhooks, held and sent.

use crate::cli::arguments::JsonOutput;
use crate::cli::context::CommandContext;
use crate::cli::error::CliError;
use crate::cli::exit::{self, Exit};
use crate::cli::sessions::reaching::Named;
use crate::report::style::Style;
use crate::session::service::desk::Request;
use crate::session::service::posts::{Post, Posts};

/// What a session's clones tell webhooks: the last deliveries, and those that wait
///
/// A session sends deliveries at once, or holds them (`archal clone start --hold-webhooks`) until
/// they are asked for here. What is sent again is what was sent, with the same id.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::help(&[Exit::Fine, Exit::Bad, Exit::Usage, Exit::CouldNotRun]))]
pub(crate) struct Args {
    /// Send what is held: deliveries of these numbers, or all
    #[arg(long, value_name = "N", num_args = 0.., conflicts_with_all = ["redeliver", "hold", "live"])]
    deliver: Option<Vec<u64>>,

    /// Send a delivery once more
    #[arg(long, value_name = "N", conflicts_with_all = ["hold", "live"])]
    redeliver: Option<u64>,

    /// Hold what comes from now on until it is asked for
    #[arg(long, conflicts_with = "live")]
    hold: bool,

    /// Send what comes from now on at once; what is held stays
    #[arg(long)]
    live: bool,

    #[command(flatten)]
    session: Named,

    #[command(flatten)]
    output: JsonOutput,
}

pub(crate) fn run(args: &Args, cx: &mut CommandContext) -> Result<Exit, CliError> {
    let is_sending = args.deliver.is_some() || args.redeliver.is_some();
    let request = match (&args.deliver, args.redeliver) {
        (Some(which), _) => Request::Deliver {
            which: which.clone(),
        },
        (None, Some(number)) => Request::Redeliver { number },
        (None, None) if args.hold || args.live => Request::Hold { holds: args.hold },
        (None, None) => Request::Webhooks,
    };
    let posts: Posts = args.session.ask(&request, cx)?;
    for post in &posts.deliveries {
        cx.printer.line(line(post));
    }
    if posts.deliveries.is_empty() {
        cx.printer.line(match is_sending {
            true => "nothing is held",
            false => "no deliveries",
        });
    }
    if !is_sending {
        cx.printer.line(match posts.held {
            true => "deliveries are held until they are asked for: archal clone webhooks --deliver",
            false => "deliveries are sent at once",
        });
    }
    cx.printer.document("archal.clone-webhooks", 1, &posts);
    let arrived = |post: &Post| post.outcome == "answered";
    if is_sending && !posts.deliveries.iter().all(arrived) {
        return Ok(Exit::Bad);
    }
    Ok(Exit::Fine)
}

fn line(post: &Post) -> String {
    let mut line = format!(
        "{:>4}  {}  {}  {}  {}",
        post.number, post.event, post.hook, post.url, post.outcome
    );
    if let Some(status) = post.status {
        let status = status.to_string();
        let status = match post.status {
            Some(..300) => status,
            _ => Style::Error.paint(&status).to_string(),
        };
        line.push_str(&format!(" {status}"));
    }
    if let Some(reason) = &post.reason {
        line.push_str(&format!(": {reason}"));
    }
    if let Some(number) = post.again {
        line.push_str(&format!("  (again, as {number})"));
    }
    line
}
