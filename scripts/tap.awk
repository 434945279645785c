# SPDX-License-Identifier: GPL-2.0
#
# Count the test cases in the output of kselftest's runner: the results of a
# program's cases are nested in it behind "# ", the program's own follows.  Of
# a program that ran twice the second run counts, and the first is mentioned.
#
# tests: the programs that should have run; status: how the guest ended.

function complain(program, what)
{
	failures[program] = failures[program] "not ok " what "\n"
	failed[program]++
}

function begin(program)
{
	name = program
	if (failed[name])
		first[name] = failures[name]
	planned = -1
	cases = 0
	seen[name] = 1
	passed[name] = failed[name] = skipped[name] = 0
	failures[name] = ""
	delete ended[name]
}

# A program's verdict may differ from that of its cases: it crashed, ran out
# of time, or never came to some of them.
function end(line)
{
	ended[name] = 1
	if (line ~ /^ok .*# SKIP/ && cases == 0)
		skipped[name]++
	else if (line ~ /^not ok/ && !failed[name])
		complain(name, name ": " line)
	else if (line ~ /^ok/ && planned < 0)
		complain(name, name ": no plan")
	else if (line ~ /^ok/ && cases != planned)
		complain(name, name ": planned " planned " cases, ran " cases)
	else if (line ~ /# (TIMEOUT|exit=1[3-9][0-9])/)
		complain(name, name ": " line)
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
	skipped[name]++
	next
}

/^# ok [0-9]/ {
	cases++
	passed[name]++
	next
}

/^# not ok [0-9]/ {
	cases++
	complain(name, name ": " substr($0, 3))
	next
}

END {
	n = split(tests, list, " ")
	for (i = 1; i <= n; i++) {
		name = list[i]
		if (!(name in ended))
			complain(name, name ": " (name in seen ? \
				"did not end" : "did not run"))
		if (name in first && !failed[name])
			unsteady = unsteady first[name]
		total_passed += passed[name]
		total_failed += failed[name]
		total_skipped += skipped[name]
		all = all failures[name]
	}
	if (status == "")
		complain("", "a guest did not start")
	else if (status == 1)
		complain("", "the " kernel " kernel reported (see above)")
	else if (status != 0)
		complain("", "the guest ended with status " status)
	total_failed += failed[""]
	all = all failures[""]
	if (unsteady)
		printf "\nFailed on %s beside others, passed alone:\n%s", \
			kernel, unsteady
	if (total_failed)
		printf "\nFailed on %s:\n%s", kernel, all
	printf "%d passed, %d failed", total_passed, total_failed
	if (total_skipped)
		printf ", %d skipped", total_skipped
	printf "\n"
	exit total_failed > 0
}
