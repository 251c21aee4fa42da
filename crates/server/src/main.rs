//! `chancery`: see the library.

fn main() -> std::process::ExitCode {
    chancery::main()
}
