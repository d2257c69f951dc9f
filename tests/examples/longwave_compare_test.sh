#!/bin/bash
# The program longwave_compare from the outside: exit codes, messages, a tiny grid, what the report says.
#   longwave_compare_test.sh PROGRAM
. "$(dirname "$0")/expect.sh"

# One message, and for a wrong command line a word on where help is.
one_error() { [ "$(wc -l <out.txt)" -eq "$1" ] || fail "more than one error: $2"; }

echo "-- the command line (exit code 2)"
expect 2 '--N: "3" is no even whole number' --N 4,3 && one_error 2 "an odd N"
expect 2 '--L: "0" is no whole number from 1' --L 0 && one_error 2 "L = 0"
expect 2 '--B: "two" is no whole number' --B two && one_error 2 "a word for a number"
expect 2 "--forms: fft not in" --forms fft && one_error 2 "an unknown form"
expect 2 "--no-such-option" --no-such-option
expect 2 "page is required" report results.json && one_error 2 "no page"
expect 0 "--quick" --help

expect 2 '--device: "gpu" is none of cpu' --device gpu && one_error 2 "an unknown device"

echo "-- a device, where there is one"
if "$program" --device cuda --quick --B 1 --H 2 --N 4 --L 1,64 --json device.json >out.txt 2>&1; then
  grep -q '"device": "cuda:0' device.json || fail "the file does not tell the device"
  expect 0 "report: device.html" report device.json device.html
else
  expect 2 "--device cuda" --device cuda && one_error 1 "no device"
fi

echo "-- files (exit code 1)"
expect 1 "nowhere/r.json" --json nowhere/r.json && one_error 1 "a folder that is not there"
expect 1 "none.json" report none.json page.html && one_error 1 "a file that is not there"
echo '{"results": []}' >other.json
expect 1 "other.json: not a file of longwave_compare" report other.json page.html && one_error 1 "another program's file"
echo '{"program": "longwave_compare", "version": 1, "machine": {}, "results": [{"form": "scan"}]}' >half.json
expect 1 "half.json: not a file of longwave_compare" report half.json page.html && one_error 1 "half a row"
echo '{' >broken.json
expect 1 "broken.json" report broken.json page.html && one_error 1 "no JSON"
[ -e page.html ] && fail "a report of nothing was written"

echo "-- a tiny grid"
expect 0 "JSON: tiny.json" --quick --B 1 --H 2 --N 4 --L 1,7,64 --threads 1 --json tiny.json
forms=$("$program" --help | tr -d ' \n' | sed -E 's/.*--formsTEXT:\{([^}]*)\}.*/\1/' | tr ',' ' ')
for form in s4 s4d dss scan chunk; do
  case " $forms " in *" $form "*) ;; *) fail "the form $form is missing" ;; esac
  [ "$(grep -c "\"form\": \"$form\"" tiny.json)" -eq 3 ] || fail "three lengths make three rows of $form"
done
expect 0 "report: tiny.html" report tiny.json tiny.html
grep -q "</html>" tiny.html || fail "the report is not whole"
[ "$(grep -o '<svg' tiny.html | wc -l)" -eq 4 ] || fail "one B, H and N make four charts"
expect 0 "scan" --quick --forms scan --B 1 --H 2 --N 4 --L 8 --json one.json
[ "$(grep -c '"form"' one.json)" -eq 1 ] || fail "--forms scan measures more than one form"

echo "-- crossovers and poor choices of auto_"
# scan takes L^2 us, the FFT form 1000 L us: they cross at 1000. Backward, the chosen form is the slower one by 1.5.
row() {
  echo "{\"form\": \"$1\", \"B\": 1, \"H\": 1, \"N\": 8, \"L\": $2, \"forward_s\": $3, \"backward_s\": $4,
    \"forward_backward_s\": $3, \"forward_bytes\": 1e6, \"forward_backward_bytes\": 2e6}"
}
{
  echo '{"program": "longwave_compare", "version": 1, "machine": {"processor": "<one>"}, "results": ['
  row scan 100 0.01 3 && echo , && row scan 2000 4 3 && echo , && row s4d 100 0.1 2 && echo , && row s4d 2000 2 2
  echo ']}'
} >made.json
expect 0 "report: made.html" report made.json made.html
grep -q '<td>scan</td><td>S4D</td><td>1000</td>' made.html || fail "the crossover at 1000 is not in the table"
grep -q 'S4D from 1000</text>' made.html || fail "the crossover is not marked in the chart"
grep -q '&lt;one&gt;' made.html || fail "the machine is not in the report"
grep -q 'auto_, forward: 1 of 2 points more than 15 %' out.txt || fail "forward: not one poor choice of two"
grep -q 'auto_, backward: 2 of 2 points more than 15 %.*factor of 1.50' out.txt || fail "backward: not two poor choices"
grep -q 'L=2000 .*auto_ scan .*best S4D .*2.00 !' out.txt || fail "the poor choice at L=2000 is not flagged"
grep -q 'L=100 .*auto_ scan .*best scan .*1.00$' out.txt || fail "the good choice at L=100 is flagged"

[ $failures -eq 0 ] && echo "all passed" || echo "$failures failed"
exit $((failures > 0))
