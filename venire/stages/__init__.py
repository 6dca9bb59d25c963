"""The flow: plan, eval, train, judge, gate, report. Each stage reads files and writes files, and can be run again."""
