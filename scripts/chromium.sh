# Sourced by scripts that look at pages in headless Chromium: sets `chromium`, or ends with 77 where there is none.
# The first argument is what is not looked at then.
chromium=$(command -v chromium || command -v chromium-browser || command -v chromium-headless-shell || true)
if [ -z "$chromium" ]; then
    echo "no Chromium here (apt-get install chromium): $1 is not looked at" >&2
    exit 77
fi
