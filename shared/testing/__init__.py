"""What tests share: specs in given/when/then, contract suites, fakes in memory, stacks of servers."""
