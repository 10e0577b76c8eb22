"""Tencent Cloud's TI-ONE: its training tasks and registered models, through its own SDK."""
