# A real browser for tests of pages; to be sourced, with `work` naming a temporary folder.
#
# Sees to Chromium ($CHROMIUM, else the Debian package `chromium`, which root installs where it is missing) and to playwright-core (where
# NODE_PATH finds it, else it is installed into `work`).
export CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
if [ ! -x "$CHROMIUM" ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >"$work/apt.log" 2>&1 ||
        { cat "$work/apt.log"; exit 1; }
fi
if ! node -e 'require("playwright-core")' 2>/dev/null; then
    (cd "$work" && npm install --silent --no-audit --no-fund playwright-core@1)
    export NODE_PATH=$work/node_modules
fi
