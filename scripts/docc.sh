#!/usr/bin/env bash
# Makes the documentation of the library products with DocC, in .build/documentation, one archive each. A reference to
# something that does not exist fails it.
set -euo pipefail
cd "$(dirname "$0")/.."

products=(RunnelKit RunnelTesting RunnelCLI Marketplace MarketplaceSimulator)
command -v docc >/dev/null || PATH="$(dirname "$(readlink -f "$(command -v swift)")"):$PATH"
command -v docc >/dev/null || { echo "docc is missing; it comes with the Swift toolchain" >&2; exit 1; }

swift build >/dev/null 2>&1
graphs=.build/documentation/graphs
rm -rf .build/documentation
mkdir -p "$graphs"
bin=$(swift build --show-bin-path)
triple=$(swift -print-target-info | sed -n 's/.*"unversionedTriple" *: *"\([^"]*\)".*/\1/p' | head -n 1)
# The C modules that public declarations of the dependencies stand on.
flags=()
while read -r map; do flags+=(-Xcc "-fmodule-map-file=$map"); done < <(
    find .build/checkouts -path '*/Sources/*/module.modulemap' -not -path '*/Benchmarks/*'
    find Sources -name module.modulemap
    find "$bin"/C*.build -maxdepth 1 -name module.modulemap -not -path '*-tool.build/*')
status=0
for product in "${products[@]}"; do
    mkdir -p "$graphs/$product"
    swift symbolgraph-extract -module-name "$product" -target "$triple" -I "$bin/Modules" "${flags[@]}" \
        -minimum-access-level public -output-dir "$graphs/$product"
    if ! docc convert "Sources/$product/$product.docc" --additional-symbol-graph-dir "$graphs/$product" \
        --fallback-display-name "$product" --fallback-bundle-identifier "runnel.$product" --warnings-as-errors \
        --output-path ".build/documentation/$product.doccarchive" >"$graphs/$product.log" 2>&1; then
        cat "$graphs/$product.log"
        status=1
    fi
    echo ".build/documentation/$product.doccarchive"
done
exit $status
