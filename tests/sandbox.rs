//! Contained children for real: namespaces and process groups, as root and as nobody, ends of
//! every kind, and what is left behind: nothing.

mod inotify;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use archal::sandbox::child::{Bind, ChildEnd, ChildOutcome, ChildSpec, Containment};
use archal::sandbox::hold::{OwnNetwork, run_isolated};
use archal::sandbox::{Hold, probe, run};
use archal_testkit::cli::copy_program;

mod confined;
mod silence;
mod stop;

/// The variable that turns the test binary into a program that holds one child.
const DRIVER: &str = "ARCHAL_TEST_SANDBOX_DRIVER";
/// The variable by which a test finds its own processes.
const MARK: &str = "ARCHAL_TEST_MARK";

pub(crate) fn helper() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_archal"))
}

fn shell(script: &str) -> ChildSpec {
    ChildSpec {
        command: vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()],
        directory: "/".into(),
        environment: BTreeMap::from([(
            "PATH".to_owned(),
            "/usr/local/bin:/usr/bin:/bin".to_owned(),
        )]),
        timeout: Duration::from_secs(20),
        idle: None,
        grace: Duration::from_secs(2),
        output_cap: 1024,
        binds: Vec::new(),
        process_limit: None,
        confine: None,
    }
}

fn held(spec: &ChildSpec, containment: Containment) -> ChildEnd {
    run(
        spec,
        &Hold {
            helper: &helper(),
            containment,
            stop: None,
        },
    )
}

const BOTH: [Containment; 2] = [Containment::Namespaces, Containment::Pgroup];

/// Ids of the processes whose environment has the mark.
fn marked(mark: &str) -> Vec<u32> {
    let needle = format!("{MARK}={mark}");
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        if environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == needle.as_bytes())
        {
            found.push(pid);
        }
    }
    found
}

/// A mark that no other test has.
fn mark(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// Waits, looking again and again, for a condition that must come true soon.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < until, "{what} did not come true");
        std::thread::yield_now();
    }
}

#[test]
fn namespaces_work_here() {
    let probe = probe(&helper());
    assert_eq!(probe.namespaces, Ok(()));
    assert_eq!(probe.containment(), Containment::Namespaces);
}

#[test]
fn output_status_and_environment_come_through() {
    for containment in BOTH {
        let mut spec = shell("echo out; echo err >&2; cat; env | sort; pwd; exit 7");
        spec.environment.insert("ONE".to_owned(), "1".to_owned());
        spec.directory = "/usr".into();
        let end = held(&spec, containment);
        assert_eq!(end.outcome, ChildOutcome::Exited { code: 7 }, "{end:?}");
        let stdout = String::from_utf8_lossy(&end.stdout);
        assert_eq!(
            stdout,
            "out\nONE=1\nPATH=/usr/local/bin:/usr/bin:/bin\nPWD=/usr\n/usr\n"
        );
        assert_eq!(end.stderr, b"err\n");
        assert_eq!(end.containment, containment);
        assert!(!end.succeeded());
    }
}

#[test]
fn a_signal_and_a_flood_are_told() {
    for containment in BOTH {
        let end = held(&shell("kill -SEGV $$"), containment);
        assert_eq!(end.outcome, ChildOutcome::Killed { signal: 11 });
        let end = held(&shell("head -c 3000000 /dev/zero"), containment);
        assert!(end.succeeded(), "{:?}", end.outcome);
        assert_eq!(end.stdout.len(), 1024);
        assert_eq!(end.stdout_dropped, 3_000_000 - 1024);
    }
}

#[test]
fn what_cannot_start_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = folder.path().join("plain");
    fs::write(&plain, "#!/bin/sh\n").expect("written");
    let broken = folder.path().join("broken");
    fs::write(&broken, "#!/nowhere/sh\n").expect("written");
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).expect("executable");
    for containment in BOTH {
        let reason = |command: &str, directory: &str| {
            let mut spec = shell("");
            spec.command = vec![command.to_owned()];
            spec.directory = directory.into();
            match held(&spec, containment).outcome {
                ChildOutcome::NotStarted { reason } => reason,
                other => format!("{other:?}"),
            }
        };
        assert_eq!(
            reason("no-such-program", "/"),
            "the program no-such-program was not found in PATH (/usr/local/bin:/usr/bin:/bin)"
        );
        let path = plain.display().to_string();
        assert_eq!(reason(&path, "/"), format!("{path} is not executable"));
        assert_eq!(
            reason("sh", "/no/such"),
            "the working directory /no/such does not exist"
        );
        let path = broken.display().to_string();
        assert_eq!(
            reason(&path, "/"),
            format!("/nowhere/sh, which {path} names in its first line, was not found")
        );
    }
}

#[test]
fn the_childs_end_is_the_end_of_everything_it_started() {
    for (name, script) in [
        ("background", "sleep 1000 & exit 0"),
        ("session", "setsid sleep 1000 & exit 0"),
        (
            "daemon",
            "(setsid sh -c 'sleep 1000 & sleep 1000 & wait' >/dev/null 2>&1 &) ; exit 0",
        ),
        (
            "deaf",
            "setsid sh -c 'trap \"\" TERM HUP INT; while :; do sleep 1; done' & exit 0",
        ),
    ] {
        for containment in BOTH {
            let mark = mark(&format!("{name}{containment:?}"));
            let mut spec = shell(script);
            spec.environment.insert(MARK.to_owned(), mark.clone());
            let end = held(&spec, containment);
            assert!(end.succeeded(), "{name}: {end:?}");
            assert_eq!(marked(&mark), Vec::<u32>::new(), "{name} {containment:?}");
            assert!(
                end.duration < Duration::from_secs(10),
                "{name}: {:?}",
                end.duration
            );
        }
    }
}

#[test]
fn a_child_that_kills_its_helper_leaves_nothing_and_harms_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut other = shell(
        "(setsid sleep 1000 &); touch ready; while [ ! -e done ]; do sleep 0.05; done; echo lived",
    );
    other.directory = folder.path().to_owned();
    let other = std::thread::spawn(move || held(&other, Containment::Pgroup));
    eventually("the other's start", || folder.path().join("ready").exists());
    let mut own = Command::new("sleep")
        .arg("1000")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a process of this one");
    let ends = [
        (
            "killed",
            "(setsid sleep 1000 &); kill -9 $PPID; sleep 1000",
        ),
        (
            "nested",
            "setsid sh -c 'trap \"\" TERM; setsid sleep 1000 & (sleep 1000 &); sleep 1000' & kill -9 $PPID",
        ),
    ]
    .map(|(name, script)| {
        let mark = mark(name);
        let mut spec = shell(script);
        spec.environment.insert(MARK.to_owned(), mark.clone());
        let end = held(&spec, Containment::Pgroup);
        (name, end.outcome, marked(&mark))
    });
    let lived = own.try_wait().expect("asked").is_none();
    own.kill().ok();
    own.wait().expect("ended");
    fs::write(folder.path().join("done"), "").expect("written");
    for (name, outcome, left) in ends {
        for pid in &left {
            Command::new("kill")
                .args(["-9", &pid.to_string()])
                .status()
                .expect("killed");
        }
        assert_eq!(outcome, ChildOutcome::Killed { signal: 9 }, "{name}");
        assert_eq!(left, Vec::<u32>::new(), "{name}");
    }
    assert!(lived);
    let end = other.join().expect("ended");
    assert!(end.succeeded(), "{end:?}");
    assert_eq!(end.stdout, b"lived\n");
}

/// In a PID namespace whose session leader stays outside, as in many containers, the session's id
/// is 0.
#[test]
fn without_a_session_of_its_own_archal_still_ends_what_is_left() {
    let program = std::env::current_exe().expect("this test's program");
    let end = Command::new("unshare")
        .args(["-Urpf", "--mount-proc"])
        .arg(program)
        .args([
            "--exact",
            "sandbox::a_child_that_kills_its_helper_leaves_nothing_and_harms_no_other",
        ])
        .stdin(Stdio::null())
        .output()
        .expect("unshare");
    let said = String::from_utf8_lossy(&end.stdout);
    assert!(
        end.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&end.stderr)
    );
}

#[test]
fn time_ends_a_child_that_listens_and_one_that_does_not() {
    for containment in BOTH {
        let mark = mark(&format!("timeout{containment:?}"));
        let mut spec =
            shell("trap 'echo stopping; exit 0' TERM; echo on; while :; do sleep 0.05; done");
        spec.timeout = Duration::from_millis(700);
        spec.environment.insert(MARK.to_owned(), mark.clone());
        let end = held(&spec, containment);
        assert_eq!(end.outcome, ChildOutcome::TimedOut);
        assert_eq!(end.stdout, b"on\nstopping\n");
        assert!(end.duration < Duration::from_secs(2), "{:?}", end.duration);

        let mut spec = shell("trap '' TERM; echo on; while :; do sleep 0.05; done");
        spec.timeout = Duration::from_millis(500);
        spec.grace = Duration::from_millis(300);
        spec.environment.insert(MARK.to_owned(), mark.clone());
        let end = held(&spec, containment);
        assert_eq!(end.outcome, ChildOutcome::TimedOut);
        assert_eq!(end.stdout, b"on\n");
        assert!(
            end.duration >= Duration::from_millis(800),
            "{:?}",
            end.duration
        );
        assert_eq!(marked(&mark), Vec::<u32>::new());
    }
}

#[test]
fn a_contained_child_has_no_privileges_and_sees_only_itself() {
    let end = held(
        &shell(
            "grep -E '^(Cap|NoNewPrivs|Uid)' /proc/self/status; readlink /proc/self/ns/ipc; ls /proc | grep -c '^[0-9]'; mount -t tmpfs none /mnt && echo mounted",
        ),
        Containment::Namespaces,
    );
    let stdout = String::from_utf8_lossy(&end.stdout).into_owned();
    let user = fs::read_to_string("/proc/self/status").expect("status");
    let user = user
        .lines()
        .find(|line| line.starts_with("Uid"))
        .expect("Uid");
    assert!(stdout.starts_with(user), "{stdout}");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(
            stdout.contains(&format!("{set}:\t0000000000000000\n")),
            "{stdout}"
        );
    }
    assert!(stdout.contains("NoNewPrivs:\t1\n"), "{stdout}");
    // Memory that programs share by a number, and what they send each other by it.
    let outside = fs::read_link("/proc/self/ns/ipc").expect("a link");
    let outside = outside.to_string_lossy();
    assert!(
        stdout.contains("ipc:[") && !stdout.contains(&*outside),
        "{stdout}"
    );
    assert!(!stdout.contains("mounted"), "{stdout}");
    let processes: u32 = stdout
        .lines()
        .last()
        .expect("a count")
        .parse()
        .expect("a number");
    assert!(processes <= 5, "{stdout}");
}

#[test]
fn binds_are_shown_inside_only_and_read_only_where_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, target) = (folder.path().join("source"), folder.path().join("target"));
    fs::write(&source, "shown").expect("written");
    fs::write(&target, "hidden").expect("written");
    let mut spec = shell(&format!(
        "cat {0}; echo x > {0} || echo refused",
        target.display()
    ));
    spec.binds = vec![Bind {
        source: source.clone(),
        target: target.clone(),
        read_only: true,
    }];
    let end = held(&spec, Containment::Namespaces);
    assert_eq!(end.stdout, b"shownrefused\n", "{end:?}");
    assert_eq!(fs::read(&target).expect("there"), b"hidden");
    assert_eq!(fs::read(&source).expect("there"), b"shown");
    let end = held(&spec, Containment::Pgroup);
    assert!(
        matches!(end.outcome, ChildOutcome::NotStarted { .. }),
        "{end:?}"
    );
}

#[test]
fn a_network_of_its_own_is_served_from_outside_and_leads_nowhere_else() {
    let outside = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = outside.local_addr().expect("an address").port();
    let script = format!(
        "import socket,os\n\
         for address in [('127.0.0.1',443),('93.184.216.34',443)]:\n\
         \x20   s=socket.create_connection(address,timeout=5); print(s.recv(9).decode())\n\
         for address in [('127.0.0.1',{port}),('93.184.216.34',5432)]:\n\
         \x20   try: socket.create_connection(address,timeout=5); print('reached')\n\
         \x20   except OSError as e: print(e.strerror)\n"
    );
    let mut spec = shell("");
    spec.command = vec!["python3".to_owned(), "-c".to_owned(), script];
    let mut serve = |network: archal::sandbox::hold::InsideNetwork| {
        let sockets = network.sockets;
        let [listener] = <[TcpListener; 1]>::try_from(sockets.tcp).expect("one listener");
        assert_eq!(sockets.udp.len(), 1);
        std::thread::spawn(move || {
            for _ in 0..2 {
                let (mut client, _) = listener.accept().expect("a client");
                client.write_all(b"from host").expect("written");
            }
        });
    };
    let helper = helper();
    let end = run_isolated(
        &spec,
        &Hold {
            helper: &helper,
            containment: Containment::Namespaces,
            stop: None,
        },
        OwnNetwork {
            tcp: &[([0, 0, 0, 0], 443).into()],
            udp: &[53],
            redirect: None,
            visible: &[],
            files: &[],
            serve: &mut serve,
        },
    );
    assert_eq!(
        String::from_utf8_lossy(&end.stdout),
        "from host\nfrom host\nConnection refused\nConnection refused\n",
        "{end:?}"
    );
}

#[test]
fn a_child_inherits_no_descriptor() {
    for containment in BOTH {
        let end = held(
            &shell("for fd in /proc/$$/fd/*; do readlink $fd; done"),
            containment,
        );
        let text = String::from_utf8_lossy(&end.stdout).into_owned();
        let open: Vec<&str> = text.lines().collect();
        assert_eq!(open.len(), 3, "{containment:?}: {text}");
        assert_eq!(open[0], "/dev/null");
        assert!(
            open[1].starts_with("pipe:") && open[2].starts_with("pipe:"),
            "{text}"
        );
    }
}

/// Not a test of its own: holds one child when another test starts this binary for it.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a driver takes its order from there"
)]
fn driver() {
    let Ok(order) = std::env::var(DRIVER) else {
        return;
    };
    let (helper, spec, containment): (PathBuf, ChildSpec, Containment) =
        serde_json::from_str(&order).expect("an order");
    let end = run(
        &spec,
        &Hold {
            helper: &helper,
            containment,
            stop: None,
        },
    );
    let line = format!(
        "END {:?} {} {}\n",
        end.outcome,
        end.process_limit,
        String::from_utf8_lossy(&end.stdout)
    );
    fs::write(spec.directory.join("end"), line).expect("written");
}

/// Starts this binary as the driver, as `user`, with binaries that the user can reach.
fn drive(
    folder: &Path,
    user: Option<u32>,
    spec: &ChildSpec,
    containment: Containment,
) -> std::process::Child {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).expect("open");
    let (binary, helper) = (folder.join("driver"), folder.join("archal"));
    copy_program(&std::env::current_exe().expect("this binary"), &binary);
    copy_program(Path::new(env!("CARGO_BIN_EXE_archal")), &helper);
    let order = serde_json::to_string(&(&helper, spec, containment)).expect("encoded");
    let mut command = Command::new(binary);
    command
        .args(["--exact", "sandbox::driver", "--nocapture"])
        .env(DRIVER, order)
        .env_remove(MARK)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    command.spawn().expect("the driver")
}

/// Nobody where the tests run as root, else the user they run as.
fn ordinary_user() -> Option<u32> {
    rustix::process::getuid().is_root().then_some(65534)
}

#[test]
fn an_ordinary_user_is_contained_and_limited() {
    for containment in BOTH {
        let folder = tempfile::tempdir().expect("a folder");
        let mut spec = shell(
            "id -u; i=0; while [ $i -lt 40 ]; do sleep 1000 & i=$((i+1)); done 2>/dev/null; echo survived",
        );
        spec.directory = folder.path().to_owned();
        spec.process_limit = Some(20);
        let mut driver = drive(folder.path(), ordinary_user(), &spec, containment);
        assert!(driver.wait().expect("ended").success());
        let end = fs::read_to_string(folder.path().join("end")).expect("an end");
        assert!(
            end.contains(" rlimit ") || end.contains(" cgroup "),
            "{end}"
        );
        assert!(!end.contains("survived"), "{end}");
        if ordinary_user().is_some() {
            assert!(end.contains("65534\n"), "{end}");
        }
    }
}

#[test]
fn nothing_outlives_an_archal_that_is_killed() {
    for user in [None, ordinary_user()] {
        for containment in BOTH {
            let mark = mark(&format!("orphan{containment:?}{user:?}"));
            let folder = tempfile::tempdir().expect("a folder");
            let mut spec = shell(
                "setsid sh -c 'trap \"\" TERM HUP; touch ready; while :; do sleep 1; done' & (setsid sleep 1000 &); sleep 1000",
            );
            spec.directory = folder.path().to_owned();
            spec.environment.insert(MARK.to_owned(), mark.clone());
            let mut driver = drive(folder.path(), user, &spec, containment);
            eventually("the child's start", || folder.path().join("ready").exists());
            eventually("all its processes", || marked(&mark).len() >= 3);
            driver.kill().expect("killed");
            driver.wait().expect("ended");
            eventually("the end of every process", || marked(&mark).is_empty());
        }
    }
}

#[test]
fn a_second_reader_of_the_pipes_does_not_hold_up_the_end() {
    // The driver's own pipe closes with it, which a leaked descriptor in a helper would prevent.
    let folder = tempfile::tempdir().expect("a folder");
    let mut spec = shell("touch ready; sleep 1000");
    spec.directory = folder.path().to_owned();
    let mut driver = drive(folder.path(), None, &spec, Containment::Namespaces);
    eventually("the child's start", || folder.path().join("ready").exists());
    driver.kill().expect("killed");
    let mut output = BufReader::new(driver.stdout.take().expect("a pipe"));
    let mut first = String::new();
    output.read_line(&mut first).expect("read");
    let mut rest = Vec::new();
    output.read_to_end(&mut rest).expect("the end");
    driver.wait().expect("ended");
}
