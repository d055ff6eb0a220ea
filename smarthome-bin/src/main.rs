//! The program `smarthome`. Everything is in the library beside it.

fn main() -> std::process::ExitCode {
    smarthome_bin::main()
}
