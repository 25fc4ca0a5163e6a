"""Task-Fine-Tune: LoRA adapters on sub-tasks through transformers' Trainer."""
