# SPDX-License-Identifier: GPL-2.0
#
# Count the test cases in the output of kselftest's runner: the results of a
# program's cases are nested in it behind "# ", the program's own follows.
#
# tests: the programs that should have run; status: how the guest ended.

function complain(what)
{
	failures = failures "not ok " what "\n"
	failed++
}

function begin(program)
{
	name = program
	planned = -1
	cases = bad = 0
	seen[name] = 1
}

# A program's verdict may differ from that of its cases: it crashed, ran out
# of time, or never came to some of them.
function end(line)
{
	ended[name] = 1
	if (line ~ /^ok .*# SKIP/ && cases == 0)
		skipped++
	else if (line ~ /^not ok/ && bad == 0)
		complain(name ": " line)
	else if (line ~ /^ok/ && planned < 0)
		complain(name ": no plan")
	else if (line ~ /^ok/ && cases != planned)
		complain(name ": planned " planned " cases, ran " cases)
	else if (line ~ /# (TIMEOUT|exit=1[3-9][0-9])/)
		complain(name ": " line)
	name = ""
}

/^# selftests: / {
	begin($NF)
	next
}

name == "" {
	next
}

/^(not )?ok [0-9]+ selftests: / {
	end($0)
	next
}

/^# 1\.\.[0-9]+/ {
	planned = substr($2, 4) + 0
	next
}

/^# ok [0-9]+.*# SKIP/ {
	cases++
	skipped++
	next
}

/^# ok [0-9]/ {
	cases++
	passed++
	next
}

/^# not ok [0-9]/ {
	cases++
	bad++
	complain(name ": " substr($0, 3))
	next
}

END {
	n = split(tests, list, " ")
	for (i = 1; i <= n; i++)
		if (!(list[i] in ended))
			complain(list[i] ": " (list[i] in seen ? \
				"did not end" : "did not run"))
	if (status == "")
		complain("a guest did not start")
	else if (status == 1)
		complain("the " kernel " kernel reported (see above)")
	else if (status != 0)
		complain("the guest ended with status " status)
	if (failed)
		printf "\nFailed on %s:\n%s", kernel, failures
	printf "%d passed, %d failed", passed, failed
	if (skipped)
		printf ", %d skipped", skipped
	printf "\n"
	exit failed > 0
}
