"""The loop's rules: pure logic, without a clock or I/O of its own."""
