# SPDX-License-Identifier: GPL-2.0
#
# make demo | check | lint         the entry commands; they install what is
#                                  missing (scripts/setup)
# make module [KERNEL=NAME]        teach.ko, in out/build/NAME/; scripts/kernel
#                                  has the names, and stock is meant without
# make programs                    the programs, in out/bin/
# make selftests [KERNEL=NAME]     the test programs, in out/selftests/
# make clean                       all of out/; the kernels' cache stays

KERNEL ?= stock
OUT := $(CURDIR)/out
BUILD ?= $(OUT)/build/$(KERNEL)
# One for each kernel source that kselftest is taken from.
SELFTESTS := $(OUT)/selftests$(if $(filter 7.3%,$(KERNEL)),-7.3)

all: module programs selftests

demo check lint:
	scripts/$@ $(if $(filter check,$@),--kernel $(KERNEL))

# Each kernel builds a copy, so that their objects do not meet.
sources := Kbuild $(wildcard module/*.[ch] module/*/*.[ch] uapi/*.h)

$(BUILD)/%: %
	@mkdir -p $(@D)
	@cp $< $@

module: $(addprefix $(BUILD)/,$(sources))
	@kdir=$$(scripts/kernel $(KERNEL)) && \
	flock $(BUILD)/Kbuild \
		$(MAKE) -C $$kdir/build M=$(BUILD) modules

programs:
	@mkdir -p $(OUT)/bin
	@flock $(OUT)/bin $(MAKE) -C userspace OUTPUT=$(OUT)/bin

# After the programs: some tests run them.
selftests: programs
	@ksrc=$$(scripts/kernel source $(KERNEL)) && mkdir -p $(SELFTESTS) && \
	flock $(SELFTESTS) \
		$(MAKE) -C selftests OUTPUT=$(SELFTESTS) KSRC=$$ksrc

# Servers for scripts/check --tier programs, whose compilers that installs.
real: selftests
	@ksrc=$$(scripts/kernel source $(KERNEL)) && \
	flock $(SELFTESTS) \
		$(MAKE) -C selftests OUTPUT=$(SELFTESTS) KSRC=$$ksrc real

clean:
	rm -rf $(OUT)

.PHONY: all demo check lint module programs selftests real clean
