"""The loop's two ports over Lab Streaming Layer."""
