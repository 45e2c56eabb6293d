"""Documents for ERPs that are fed by files: what was written, into which file it went, and what the ERP says it holds."""

from django.conf import settings
from django.db import models

from billing.tenancy import TenantModel
from integrations.models.connection import Connection
from integrations.models.outbox import KIND_CHOICES


class ExportFile(TenantModel):
    """A set of import files as it was handed out: a ZIP of one CSV for each kind. Its content never changes.

    `imported_at`, `imported_by`: when a person said that it is in the ERP now, and who.
    """

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="files")
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    document_count = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    content = models.BinaryField()
    imported_at = models.DateTimeField(null=True, blank=True)
    imported_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"Import files {self.pk}"


class ExportedDocument(TenantModel):
    """One document's rows, waiting for the next file or in one."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="exported")
    kind = models.CharField(max_length=20, choices=KIND_CHOICES)
    reference = models.CharField(max_length=50)
    rows = models.JSONField()
    file = models.ForeignKey(ExportFile, null=True, on_delete=models.PROTECT, related_name="documents")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "reference"], name="exported_once")]

    def __str__(self) -> str:
        return self.reference


class ReportedDocument(TenantModel):
    """A document as the ERP's own export says; replaced with each upload of its kind."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="reported")
    kind = models.CharField(max_length=20, choices=KIND_CHOICES)
    external_id = models.CharField(max_length=100)
    reference = models.CharField(max_length=50, blank=True)
    number = models.CharField(max_length=100, blank=True)
    date = models.DateField()
    currency = models.CharField(max_length=3)
    customer = models.CharField(max_length=200, blank=True)
    account = models.CharField(max_length=50, blank=True)
    total = models.DecimalField(max_digits=19, decimal_places=4)
    tax = models.DecimalField(max_digits=19, decimal_places=4)
    postings = models.JSONField(default=list)

    class Meta:
        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "external_id"], name="reported_once")]

    def __str__(self) -> str:
        return self.number or self.external_id


class ReportUpload(TenantModel):
    """The last export of one kind that the ERP gave: when it was uploaded, by whom, and how many documents it lists."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="uploads")
    kind = models.CharField(max_length=20, choices=KIND_CHOICES)
    at = models.DateTimeField(auto_now=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    document_count = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=["connection", "kind"], name="uploaded_once_a_kind")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.at:%Y-%m-%d}"
