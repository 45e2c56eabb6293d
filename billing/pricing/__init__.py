"""Pricing models: pure functions from a quantity to an amount, one model a file, one registry."""

from billing.pricing.base import InvalidPricing, PricingModel
from billing.pricing.registry import CHOICES, get, rate, validate

__all__ = ["CHOICES", "InvalidPricing", "PricingModel", "get", "rate", "validate"]
