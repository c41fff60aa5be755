# To be sourced in the project's folder: BOTMM_BIN is the command to run, built in release when not set.
if [ -z "${BOTMM_BIN:-}" ]; then
  cargo build --release --quiet --bin botmm
  BOTMM_BIN=${CARGO_TARGET_DIR:-target}/release/botmm
fi
export BOTMM_BIN
