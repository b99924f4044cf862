"""The two ports over Lab Streaming Layer."""
