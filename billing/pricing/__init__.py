"""Pricing models: pure functions from a quantity to an amount, one model a file, one registry."""

from billing.pricing.base import LARGEST, InvalidPricing, PricingModel
from billing.pricing.registry import CHOICES, get, rate, validate

__all__ = ["CHOICES", "LARGEST", "InvalidPricing", "PricingModel", "get", "rate", "validate"]
