//! Confined children for real: what they may not do fails, what is needed works, and what was
//! enforced is said.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use archal::sandbox::child::{ChildEnd, ChildOutcome, ChildSpec, Containment};
use archal::sandbox::confine::{Confine, Demand, Network, able, is_walled, tried, with_commands};
use archal::sandbox::{Hold, StopToken, run};
use archal_core::confined::{Confined, Rule, Witness};
use tempfile::TempDir;

use super::{BOTH, MARK, eventually, held, helper, mark, marked, shell};

const SECRET: &str = "a-secret-that-nobody-reads";

/// A home with credentials, a repository, and a workspace with a home of its own.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self::of(tempfile::tempdir().expect("a folder"))
    }

    /// One that lies in no temporary folder of the machine.
    fn elsewhere() -> Self {
        Self::of(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder"))
    }

    fn of(folder: TempDir) -> Self {
        let place = Self { folder };
        for name in ["home/.ssh", "repo/.git/hooks", "work/tree", "work/home"] {
            fs::create_dir_all(place.at(name)).expect("writable");
        }
        for name in ["home/.ssh/id_ed25519", "home/.netrc"] {
            fs::write(place.at(name), SECRET).expect("writable");
        }
        fs::write(place.at("home/plain.txt"), "plain\n").expect("writable");
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn confine(&self) -> Confine {
        Confine {
            writable: vec![self.at("work/tree"), self.at("work/home")],
            hidden: vec![self.at("home/.ssh"), self.at("home/.netrc"), self.at("no")],
            ..Confine::default()
        }
    }

    fn spec(&self, script: &str) -> ChildSpec {
        let mut spec = shell(script);
        spec.directory = self.at("work/tree");
        spec.output_cap = 64 * 1024;
        for (name, path) in [("ROOT", ""), ("HOME", "work/home"), ("TMPDIR", "work/home")] {
            let path = self.at(path).display().to_string();
            spec.environment
                .insert(name.to_owned(), path.trim_end_matches('/').to_owned());
        }
        spec.confine = Some(self.confine());
        spec
    }
}

fn confined(end: &ChildEnd) -> &Confined {
    end.confined.as_ref().expect("a degree")
}

/// What this machine cannot keep a child from that has its network: sockets with names of no file need Linux 6.12,
/// and where one with a relative name lies nobody knows.
fn open_here() -> Vec<String> {
    let able = tried(&helper(), Containment::Namespaces, Confine::default());
    let is_of_sockets = |missing: &String| {
        missing.starts_with("sockets: those ") || missing.starts_with("sockets: one ")
    };
    able.missing.into_iter().filter(is_of_sockets).collect()
}

/// What was refused by a rule.
fn refused(end: &ChildEnd, rule: Rule) -> Vec<(&str, Witness)> {
    let refused = confined(end).refused.iter();
    refused
        .filter(|refusal| refusal.rule == rule)
        .map(|refusal| (refusal.what.as_str(), refusal.by))
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_degree_here_is_whole() {
    let able = able(&helper(), Containment::Namespaces);
    assert!(able.is_whole(), "{able:?}");
    assert_eq!(able.files.as_deref(), Some("mount namespace"));
    assert_eq!(able.network.as_deref(), Some("own network"));
    assert_eq!(able.calls.as_deref(), Some("seccomp"));
}

#[test]
fn what_landlock_alone_does_not_hold_is_told() {
    let able = able(&helper(), Containment::Pgroup);
    assert_eq!(able.files.as_deref(), Some("landlock"), "{able:?}");
    let parts: Vec<&str> = able
        .missing
        .iter()
        .filter_map(|missing| missing.split(':').next())
        .collect();
    assert!(
        parts.contains(&"rights") && parts.contains(&"hosts"),
        "{able:?}"
    );
    assert!(!is_walled(&able), "{able:?}");
    // A fixer reaches no sockets there, commands do.
    let is_of_sockets = |missing: &String| missing.starts_with("sockets: ");
    assert!(!able.missing.iter().any(is_of_sockets), "{able:?}");
    let before = able.missing.clone();
    let both = with_commands(able, &helper(), Containment::Pgroup);
    assert!(both.missing.starts_with(&before), "{both:?}");
    let more = &both.missing[before.len()..];
    assert!(
        more.len() == 1 && more.iter().all(is_of_sockets),
        "{both:?}"
    );
}

#[test]
fn the_helper_is_closed_to_its_child() {
    for containment in BOTH {
        let place = Place::new();
        let script = "for what in mem environ fd/0; do head -c 1 /proc/$PPID/$what; done; exit 0";
        let end = held(&place.spec(script), containment);
        assert!(end.succeeded(), "{end:?}");
        let said = text(&end.stderr);
        assert_eq!(said.matches("Permission denied").count(), 3, "{end:?}");
        assert_eq!(text(&end.stdout), "", "{end:?}");
    }
}

#[test]
fn a_credential_that_is_written_anew_while_it_runs_is_not_read_either() {
    let place = Place::elsewhere();
    let script = "touch ready; while [ ! -e go ]; do sleep 0.02; done; \
                  cat $ROOT/home/.netrc; cat $ROOT/home/plain.txt; mv go $HOME/gone; exit 0";
    let spec = place.spec(script);
    let end = std::thread::scope(|scope| {
        let child = scope.spawn(|| held(&spec, Containment::Namespaces));
        eventually("its start", || place.at("work/tree/ready").exists());
        fs::write(place.at("home/.netrc.new"), SECRET).expect("writable");
        fs::rename(place.at("home/.netrc.new"), place.at("home/.netrc")).expect("renamed");
        fs::write(place.at("work/tree/go"), "").expect("writable");
        child.join().expect("ended")
    });
    assert!(end.succeeded(), "{end:?}");
    assert_eq!(text(&end.stdout), "plain\n", "{end:?}");
    assert!(text(&end.stderr).contains(".netrc"), "{end:?}");
    assert!(place.at("work/home/gone").exists());
    assert_eq!(confined(&end).missing, open_here(), "{end:?}");
}

#[test]
fn what_was_seen_of_a_child_that_has_to_be_killed_is_told() {
    let place = Place::new();
    let mut spec = place
        .spec("trap '' TERM; cat $ROOT/home/.netrc; touch ready; while :; do sleep 0.02; done");
    spec.grace = Duration::from_millis(100);
    let (token, helper) = (StopToken::new(), helper());
    let hold = Hold {
        helper: &helper,
        containment: Containment::Namespaces,
        stop: Some(&token),
    };
    let end = std::thread::scope(|scope| {
        let child = scope.spawn(|| run(&spec, &hold));
        eventually("its start", || place.at("work/tree/ready").exists());
        token.stop();
        child.join().expect("ended")
    });
    assert_eq!(end.outcome, ChildOutcome::Stopped, "{end:?}");
    let path = place.at("home/.netrc").display().to_string();
    let seen = refused(&end, Rule::Credentials);
    assert_eq!(seen, [(path.as_str(), Witness::Seen)], "{end:?}");
    // What is ended with it did not run on of its own accord.
    assert_eq!(refused(&end, Rule::Survivors), [], "{end:?}");
}

#[test]
fn a_child_with_the_machines_network_reaches_no_socket_of_another_program() {
    let place = Place::elsewhere();
    let path = place.at("home/agent.sock");
    let _agent = UnixListener::bind(&path).expect("bound");
    let log = place.at("home/log.sock");
    let _log = UnixDatagram::bind(&log).expect("bound");
    let name = format!("archal-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let _display = UnixListener::bind_addr(&address).expect("bound");
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("an address").port();
    let script = format!(
        "python3 - <<'X'\nimport socket\n\
         for name, kind in [('{}', 1), ('{}', 2), ('\\0{name}', 1)]:\n\
         \x20 try: socket.socket(socket.AF_UNIX, kind).connect(name); print('reached')\n\
         \x20 except OSError as e: print(e.strerror)\n\
         socket.create_connection(('127.0.0.1', {port})); print('open')\n\
         X\n",
        path.display(),
        log.display()
    );
    let end = held(&place.spec(&script), Containment::Namespaces);
    let is_of_names = |missing: &String| missing.starts_with("sockets: those ");
    let of_names = match open_here().iter().any(is_of_names) {
        true => "reached",
        false => "Operation not permitted",
    };
    assert_eq!(
        text(&end.stdout),
        format!("Connection refused\nConnection refused\n{of_names}\nopen\n"),
        "{end:?}"
    );
    assert_eq!(confined(&end).missing, open_here(), "{end:?}");
    let end = held(&place.spec("exit 0"), Containment::Pgroup);
    let is_told = |missing: &String| missing.starts_with("sockets: ");
    assert!(confined(&end).missing.iter().any(is_told), "{end:?}");
}

#[test]
fn writes_outside_change_nothing_and_are_named() {
    for (place, containment) in [
        (Place::new(), Containment::Namespaces),
        (Place::elsewhere(), Containment::Namespaces),
        (Place::elsewhere(), Containment::Pgroup),
    ] {
        let end = held(
            &place.spec(
                "echo x > inside && echo y > $HOME/inside && echo wrote;\n\
                 echo x > $ROOT/home/outside; echo x > $ROOT/repo/.git/hooks/pre-commit;\n\
                 mkdir $ROOT/new; cat $ROOT/home/plain.txt; rm $ROOT/home/plain.txt; exit 0",
            ),
            containment,
        );
        assert!(end.succeeded(), "{end:?}");
        assert_eq!(text(&end.stdout), "wrote\nplain\n", "{end:?}");
        let inside = fs::read(place.at("work/tree/inside")).expect("there");
        assert_eq!(inside, b"x\n");
        for name in ["home/outside", "repo/.git/hooks/pre-commit", "new"] {
            assert!(!place.at(name).exists(), "{name} {end:?}");
        }
        assert!(place.at("home/plain.txt").exists());
        let named = refused(&end, Rule::WritesOutside);
        for name in [
            "home/outside",
            "repo/.git/hooks/pre-commit",
            "home/plain.txt",
        ] {
            assert!(
                named.iter().any(|(what, _)| what.contains(name)),
                "{name} {end:?}"
            );
        }
    }
}

#[test]
fn credentials_are_not_read_and_who_looks_is_seen() {
    for containment in BOTH {
        let place = Place::new();
        let script = "cat $ROOT/home/.ssh/id_ed25519 $ROOT/home/.netrc; ls $ROOT/home/.ssh; \
                      echo x >> $ROOT/home/.netrc; exit 0";
        let end = held(&place.spec(script), containment);
        assert!(end.succeeded(), "{end:?}");
        assert!(!text(&end.stdout).contains(SECRET), "{end:?}");
        if containment == Containment::Namespaces {
            // The folder looks as it is, and there is nothing in it.
            assert_eq!(text(&end.stdout), "id_ed25519\n", "{end:?}");
            let seen = refused(&end, Rule::Credentials);
            for name in ["home/.ssh", "home/.ssh/id_ed25519", "home/.netrc"] {
                let path = place.at(name).display().to_string();
                assert!(seen.contains(&(&path, Witness::Seen)), "{name} {end:?}");
            }
        } else {
            assert_eq!(confined(&end).files.as_deref(), Some("landlock"), "{end:?}");
            let named = refused(&end, Rule::WritesOutside);
            assert!(
                named.iter().any(|(what, _)| what.contains(".netrc")),
                "{end:?}"
            );
        }
        assert_eq!(
            fs::read_to_string(place.at("home/.netrc")).expect("there"),
            SECRET
        );
    }
}

#[test]
fn a_child_that_looks_at_nothing_is_refused_nothing() {
    let place = Place::new();
    let end = held(
        &place.spec("echo x > y; ls / $ROOT/home"),
        Containment::Namespaces,
    );
    assert!(end.succeeded(), "{end:?}");
    assert_eq!(confined(&end).refused, []);
    assert_eq!(confined(&end).missing, open_here(), "{end:?}");
}

#[test]
fn what_is_the_machines_own_is_out_of_reach() {
    let place = Place::new();
    let pattern = fs::read("/proc/sys/kernel/core_pattern").expect("readable");
    let script = "echo '|/bin/false' > /proc/sys/kernel/core_pattern; ls /dev; \
                  echo x > /dev/null; head -c 1 /dev/urandom > y; echo z > /dev/shm/z; \
                  echo t > /tmp/archal-test-own-temporary && cat /tmp/archal-test-own-temporary; \
                  unshare -Ur true; mount -t tmpfs none /mnt; \
                  python3 -c 'import ctypes; c = ctypes.CDLL(None, use_errno=True); \
                  print(c.ptrace(0, 0, 0, 0), ctypes.get_errno()); \
                  print(c.syscall(0x40000000 | 39), ctypes.get_errno())'";
    let end = held(&place.spec(script), Containment::Namespaces);
    let said = text(&end.stdout);
    assert!(end.succeeded(), "{end:?}");
    assert!(
        said.contains("urandom\n") && !said.contains("sda"),
        "{said}"
    );
    assert!(!said.contains("vda") && !said.contains("nvme"), "{said}");
    // By the second table of numbers, too, where the processor has one.
    let second = match cfg!(target_arch = "x86_64") {
        true => "-1 1\n",
        false => "-1 38\n",
    };
    let calls = format!("t\n-1 1\n{second}");
    assert!(said.ends_with(&calls), "{end:?}");
    assert!(!Path::new("/tmp/archal-test-own-temporary").exists());
    assert!(
        text(&end.stderr).contains("unshare failed: Operation not permitted"),
        "{end:?}"
    );
    let calls = refused(&end, Rule::SystemCalls);
    assert!(
        calls.iter().any(|(what, _)| what.contains("unshare")),
        "{end:?}"
    );
    let now = fs::read("/proc/sys/kernel/core_pattern").expect("readable");
    assert_eq!(now, pattern);
}

#[test]
fn without_a_network_of_its_own_it_reaches_archals_ports_alone() {
    for containment in BOTH {
        let place = Place::new();
        let allowed = TcpListener::bind("127.0.0.1:0").expect("a port");
        let other = TcpListener::bind("127.0.0.1:0").expect("a port");
        let datagrams = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let port =
            |address: std::io::Result<std::net::SocketAddr>| address.expect("an address").port();
        let ports = [port(allowed.local_addr()), port(other.local_addr())];
        let script = format!(
            "python3 - <<'X'\nimport socket\n\
             for port in {ports:?}:\n\
             \x20 try:\n\
             \x20   s = socket.create_connection(('127.0.0.1', port)); s.sendall(b'hello'); print('reached')\n\
             \x20 except OSError as e: print(e.strerror)\n\
             try:\n\
             \x20 socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {}))\n\
             \x20 print('sent')\n\
             except OSError as e: print(e.strerror)\n\
             other = ('127.0.0.1', {})\n\
             for number, way in enumerate([\n\
             \x20 lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).connect(other),\n\
             \x20 lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).sendto(b'x', socket.MSG_FASTOPEN, other),\n\
             \x20 lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).sendmsg([b'x'], [], socket.MSG_FASTOPEN, other),\n\
             \x20 lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM).setsockopt(6, 30, 1),\n\
             \x20 lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),\n\
             \x20 lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET),\n\
             ]):\n\
             \x20 try: way(); print('by way', number)\n\
             \x20 except PermissionError: pass\n\
             X\n",
            port(datagrams.local_addr()),
            ports[1]
        );
        let mut spec = place.spec(&script);
        let held_to = Network::Held {
            ports: vec![ports[0]],
        };
        spec.confine = Some(Confine {
            network: held_to,
            ..place.confine()
        });
        let end = held(&spec, containment);
        assert_eq!(
            text(&end.stdout),
            "reached\nPermission denied\nOperation not permitted\n",
            "{end:?}"
        );
        assert_eq!(confined(&end).network.as_deref(), Some("landlock"));
        let missing = &confined(&end).missing;
        let is_told = |missing: &String| missing.starts_with("hosts: ");
        assert!(missing.iter().any(is_told), "{end:?}");
        let mut heard = String::new();
        let (mut client, _) = allowed.accept().expect("a client");
        client.read_to_string(&mut heard).expect("read");
        assert_eq!(heard, "hello");
    }
}

#[test]
fn what_runs_on_is_ended_and_named() {
    let place = Place::new();
    let mark = mark("confined-survivor");
    let mut spec = place.spec("(setsid sh -c 'sleep 1000 & sleep 1000' >/dev/null 2>&1 &); exit 0");
    spec.environment.insert(MARK.to_owned(), mark.clone());
    let end = held(&spec, Containment::Namespaces);
    assert!(end.succeeded(), "{end:?}");
    assert_eq!(marked(&mark), Vec::<u32>::new());
    let left = refused(&end, Rule::Survivors);
    assert!(!left.is_empty(), "{end:?}");
}

#[test]
fn memory_and_processes_have_an_end() {
    let place = Place::new();
    let mut spec = place.spec("python3 -c 'x = bytearray(1 << 30); print(len(x))'");
    spec.confine = Some(Confine {
        memory: Some(256 << 20),
        ..place.confine()
    });
    let end = held(&spec, Containment::Namespaces);
    assert!(!end.succeeded(), "{end:?}");
    let named = refused(&end, Rule::Memory);
    assert!(
        !named.is_empty() || confined(&end).memory.as_deref() == Some("cgroup"),
        "{end:?}"
    );

    let mut spec =
        place.spec("i=0; while [ $i -lt 2000 ]; do sleep 1000 & i=$((i+1)); done; echo survived");
    spec.process_limit = Some(400);
    let end = held(&spec, Containment::Namespaces);
    assert!(confined(&end).processes.is_some(), "{end:?}");
    assert!(!text(&end.stdout).contains("survived"), "{end:?}");
    assert!(!refused(&end, Rule::Processes).is_empty(), "{end:?}");
}

#[test]
fn where_all_is_required_and_not_to_be_had_nothing_starts() {
    let place = Place::new();
    for demand in [Demand::All, Demand::Walls, Demand::Nothing] {
        let mut spec = place.spec("echo started");
        let mut confine = place.confine();
        // The child would work in a folder that it may not read.
        confine.hidden.push(place.at("work"));
        confine.demand = demand;
        spec.confine = Some(confine);
        let end = held(&spec, Containment::Namespaces);
        match (demand, &end.outcome) {
            (Demand::All | Demand::Walls, ChildOutcome::NotStarted { reason }) => {
                assert!(
                    reason.starts_with("not confined as required: credentials: "),
                    "{reason}"
                );
            }
            (Demand::Nothing, ChildOutcome::Exited { code: 0 }) => {
                assert!(!confined(&end).is_whole(), "{end:?}");
            }
            (_, other) => panic!("{other:?}"),
        }
    }
}
