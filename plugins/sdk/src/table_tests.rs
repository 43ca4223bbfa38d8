//! That the table and its header are the same, as the C compiler sees it.

use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use super::*;

#[test]
fn the_header_lays_out_what_is_read() {
    let layouts = [
        ("sizeof(archal_slice)", size_of::<Slice>()),
        ("offsetof(archal_slice, start)", offset_of!(Slice, start)),
        ("offsetof(archal_slice, length)", offset_of!(Slice, length)),
        ("sizeof(archal_sink)", size_of::<Sink>()),
        ("offsetof(archal_sink, context)", offset_of!(Sink, context)),
        ("offsetof(archal_sink, push)", offset_of!(Sink, push)),
        ("sizeof(archal_plugin_table)", size_of::<Table>()),
        (
            "offsetof(archal_plugin_table, abi_major)",
            offset_of!(Table, abi_major),
        ),
        (
            "offsetof(archal_plugin_table, abi_minor)",
            offset_of!(Table, abi_minor),
        ),
        (
            "offsetof(archal_plugin_table, struct_size)",
            offset_of!(Table, struct_size),
        ),
        (
            "offsetof(archal_plugin_table, describe)",
            offset_of!(Table, describe),
        ),
        (
            "offsetof(archal_plugin_table, check)",
            offset_of!(Table, check),
        ),
        (
            "offsetof(archal_plugin_table, open)",
            offset_of!(Table, open),
        ),
        (
            "offsetof(archal_plugin_table, poll)",
            offset_of!(Table, poll),
        ),
        (
            "offsetof(archal_plugin_table, close)",
            offset_of!(Table, close),
        ),
        ("ARCHAL_PLUGIN_ABI_MAJOR", ABI_MAJOR as usize),
        ("ARCHAL_PLUGIN_ABI_MINOR", ABI_MINOR as usize),
        ("ARCHAL_PLUGIN_DONE", DONE.cast_unsigned() as usize),
        ("ARCHAL_PLUGIN_MORE", MORE.cast_unsigned() as usize),
        (
            "(unsigned)ARCHAL_PLUGIN_FAILED",
            FAILED.cast_unsigned() as usize,
        ),
    ];
    let mut text = String::from("#include \"archal_plugin.h\"\n");
    for (what, is) in layouts {
        text.push_str(&format!("_Static_assert({what} == {is}u, \"{what}\");\n"));
    }
    let symbol = std::str::from_utf8(SYMBOL).expect("text");
    text.push_str(&format!(
        "const archal_plugin_table *(*symbol)(void) = {symbol};\n"
    ));
    let folder = std::env::temp_dir().join(format!("archal-header-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let source = folder.join("layout.c");
    std::fs::write(&source, text).expect("writable");
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let output = Command::new("cc")
        .args([
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-fsyntax-only",
            "-I",
        ])
        .arg(include)
        .arg(&source)
        .output()
        .expect("a C compiler, as Rust needs one to link");
    std::fs::remove_dir_all(&folder).expect("mine");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
}
