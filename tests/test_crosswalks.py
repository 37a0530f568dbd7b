"""Which file is which: CRMs and languages by their headers, and what is said where none fits."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from enablement import settings as workspace
from enablement.errors import SettingsError
from enablement.read import crosswalks, exports, schema
from enablement.read.crosswalks.files import known, texts
from enablement.read.crosswalks.headers import fold

LEAST = {"stages": ["Lead"], "outcomes": {"Won": "won"}}
CRMS = ["Salesforce", "HubSpot", "Dynamics 365", "Pipedrive"]
LANGUAGES = ["English", "German", "French", "Spanish"]


@dataclasses.dataclass
class File:
    """As much of an export as matters here: what it is called, and its headers."""

    headers: list[str]
    name: str = "export.csv"
    path: Path = Path("export.csv")

    @property
    def part(self) -> str:
        """The sheet or the member."""
        return self.name.partition(", ")[2]


def found(headers, *, name="export.csv", **said):
    """Recognise a file by its headers, given as a list or in one line."""
    names = [part.strip() for part in headers.split("|")] if isinstance(headers, str) else headers
    settings = workspace.read({**LEAST, **said}, folder=Path())
    (match,) = crosswalks.match(File(names, name, Path(name.split(", ")[0])), settings)
    return match


# ---- Formats: each CRM in each language ------------------------------------------------------

FORMATS = {
    "Salesforce English": (
        "Opportunity Owner | Account Name | Opportunity Name | Stage | Fiscal Period | Amount | "
        "Probability (%) | Age | Close Date | Created Date | Lead Source | Type | Opportunity ID",
        "Salesforce report of opportunities (English)",
        {"opportunity_id": "Opportunity ID", "owner_name": "Opportunity Owner", "stage": "Stage"},
    ),
    "Salesforce German": (
        "Opportunity-Inhaber | Accountname | Opportunity-Name | Phase | Betrag | Schlusstermin | "
        "Wahrscheinlichkeit (%) | Erstelldatum | Lead-Quelle | Typ | Opportunity-ID",
        "Salesforce report of opportunities (German)",
        {"stage": "Phase", "closed_at": "Schlusstermin", "source": "Lead-Quelle"},
    ),
    "Salesforce French": (
        "Propriétaire de l’opportunité | Nom du compte | Nom de l’opportunité | Étape | Montant | "
        "Date de clôture | Date de création | Probabilité (%) | Type",
        "Salesforce report of opportunities (French)",
        {"owner_name": "Propriétaire de l’opportunité", "stage": "Étape", "amount": "Montant"},
    ),
    "Salesforce Spanish": (
        "Propietario de la oportunidad | Nombre de la cuenta | Nombre de la oportunidad | Etapa | "
        "Importe | Fecha de cierre | Fecha de creación | Tipo",
        "Salesforce report of opportunities (Spanish)",
        {"stage": "Etapa", "created_at": "Fecha de creación", "amount": "Importe"},
    ),
    "HubSpot English": (
        "Record ID | Deal Name | Deal Stage | Pipeline | Amount | Close Date | Create Date | "
        "Deal owner",
        "HubSpot deals (English)",
        {"opportunity_id": "Record ID", "owner_name": "Deal owner", "closed_at": "Close Date"},
    ),
    "HubSpot German": (
        "Datensatz-ID | Deal-Name | Deal-Phase | Pipeline | Betrag | Abschlussdatum | "
        "Erstellungsdatum | Für Deal zuständiger Mitarbeiter",
        "HubSpot deals (German)",
        {"stage": "Deal-Phase", "pipeline": "Pipeline", "amount": "Betrag"},
    ),
    "HubSpot French": (
        "ID de fiche d'informations | Nom de la transaction | Phase de la transaction | Pipeline | "
        "Montant | Date de fermeture | Date de création | Propriétaire de la transaction",
        "HubSpot deals (French)",
        {"stage": "Phase de la transaction", "closed_at": "Date de fermeture"},
    ),
    "HubSpot Spanish": (
        "ID de registro | Nombre del negocio | Etapa del negocio | Pipeline | Valor | "
        "Fecha de cierre | Fecha de creación | Propietario del negocio",
        "HubSpot deals (Spanish)",
        {"stage": "Etapa del negocio", "amount": "Valor"},
    ),
    "Dynamics 365 English": (
        "(Do Not Modify) Opportunity | (Do Not Modify) Row Checksum | (Do Not Modify) Modified On "
        "| Topic | Potential Customer | Est. Close Date | Est. Revenue | Actual Revenue | "
        "Actual Close Date | Status | Status Reason | Pipeline Phase | Owner",
        "Dynamics 365 opportunities (English)",
        {
            "opportunity_id": "(Do Not Modify) Opportunity",
            "status": "Status",
            "status_reason": "Status Reason",
            "expected_close": "Est. Close Date",
            "closed_at": "Actual Close Date",
        },
    ),
    "Dynamics 365 German": (
        "(Nicht ändern) Verkaufschance | (Nicht ändern) Zeilenprüfsumme | (Nicht ändern) Geändert "
        "am | Thema | Potenzieller Kunde | Gesch. Abschlussdatum | Gesch. Umsatz | Status | "
        "Statusgrund | Pipelinephase | Besitzer",
        "Dynamics 365 opportunities (German)",
        {"status_reason": "Statusgrund", "amount": "Gesch. Umsatz", "owner_name": "Besitzer"},
    ),
    "Dynamics 365 French": (
        "(Ne pas modifier) Opportunité | (Ne pas modifier) Somme de contrôle de la ligne | "
        "(Ne pas modifier) Modifié le | Rubrique | Client potentiel | Date de fermeture estimée | "
        "Revenu est. | Statut | Raison du statut | Phase active | Propriétaire",
        "Dynamics 365 opportunities (French)",
        {"stage": "Phase active", "expected_close": "Date de fermeture estimée"},
    ),
    "Dynamics 365 Spanish": (
        "(No modificar) Oportunidad | (No modificar) Suma de comprobación de fila | "
        "(No modificar) Fecha de modificación | Tema | Cliente potencial | "
        "Fecha de cierre estimada | Ingresos est. | Estado | Razón para el estado | Propietario",
        "Dynamics 365 opportunities (Spanish)",
        {"status": "Estado", "status_reason": "Razón para el estado", "amount": "Ingresos est."},
    ),
    "Pipedrive English": (
        "Deal - Title | Deal - Stage | Deal - Status | Deal - Owner | Deal - Value | "
        "Deal - Currency | Deal - Deal created | Deal - Won time | Deal - Lost time | "
        "Deal - Deal closed on | Deal - Expected close date | Deal - Lost reason | "
        "Deal - Pipeline | Deal - ID",
        "Pipedrive deals (English)",
        {"opportunity_id": "Deal - ID", "won_at": "Deal - Won time", "status": "Deal - Status"},
    ),
    "Pipedrive German": (
        "Deal - Titel | Deal - Phase | Deal - Status | Deal - Besitzer | Deal - Wert | "
        "Deal - Deal erstellt | Deal - Datum des gewonnenen Deals | Deal - ID",
        "Pipedrive deals (German)",
        {"stage": "Deal - Phase", "won_at": "Deal - Datum des gewonnenen Deals"},
    ),
    "Pipedrive French": (
        "Affaire - Titre | Affaire - Étape | Affaire - Statut | Affaire - Valeur | "
        "Affaire - Affaire créée | Affaire - Date de gain | Affaire - Date de perte",
        "Pipedrive deals (French)",
        {"status": "Affaire - Statut", "lost_at": "Affaire - Date de perte"},
    ),
    "Pipedrive Spanish": (
        "Negocio - ID | Negocio - Título | Negocio - Etapa | Negocio - Estado | "
        "Negocio - Propietario | Negocio - Valor | Negocio - Fecha de ganado",
        "Pipedrive deals (Spanish)",
        {"won_at": "Negocio - Fecha de ganado", "owner_name": "Negocio - Propietario"},
    ),
}


def test_every_big_crm_is_read_in_every_language():
    """Four CRMs by four languages; the table of formats has each."""
    assert {f"{crm} {language}" for crm in CRMS for language in LANGUAGES} == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_opportunities_of_a_crm_in_a_language(name):
    """The file is read as opportunities, and the reason names product and language."""
    headers, title, columns = FORMATS[name]
    match = found(headers)
    assert match.table == "opportunities"
    assert match.crm == name.rsplit(" ", 1)[0]
    assert match.reason.startswith(f"{title}, by its columns ")
    assert {ours: match.columns[ours] for ours in columns} == columns


OTHERS = [
    (
        "Id | AccountId | Name | StageName | Amount | CloseDate | OwnerId | IsDeleted",
        "opportunities",
        "Salesforce objects",
        {"opportunity_id": "Id", "rep_id": "OwnerId", "is_deleted": "IsDeleted"},
    ),
    (
        "Id | OpportunityId | CreatedDate | StageName | Amount | CloseDate",
        "stage_events",
        "Salesforce objects",
        {"entered_at": "CreatedDate"},
    ),
    (
        "Id | WhoId | WhatId | Subject | ActivityDate | Status | OwnerId | TaskSubtype",
        "activities",
        "Salesforce tasks",
        {"activity_id": "Id", "opportunity_id": "WhatId", "at": "ActivityDate"},
    ),
    (
        "Id | WhoId | WhatId | Subject | StartDateTime | DurationInMinutes | OwnerId",
        "activities",
        "Salesforce events",
        {"minutes": "DurationInMinutes", "at": "StartDateTime"},
    ),
    (
        "Opportunity Name | From Stage | To Stage | Amount | Close Date | Last Modified | "
        "Last Modified By | Opportunity ID",
        "stage_events",
        "Salesforce Opportunity History report (English)",
        {"stage": "To Stage", "from_stage": "From Stage", "entered_at": "Last Modified"},
    ),
    (
        "Opportunity-Name | Von Phase | Nach Phase | Letzte Änderung | Opportunity-ID",
        "stage_events",
        "Salesforce Opportunity History report (German)",
        {"stage": "Nach Phase"},
    ),
    (
        "Property | dealId | value | timestamp | sourceType",
        "changes",
        "HubSpot property history (English)",
        {"opportunity_id": "dealId", "field": "Property", "new": "value"},
    ),
    (
        "hs_object_id | dealname | dealstage | pipeline | amount | closedate | hubspot_owner_id",
        "opportunities",
        "HubSpot deals, internal names",
        {"rep_id": "hubspot_owner_id", "stage": "dealstage"},
    ),
    (
        "Record ID | Company name | Industry | Country/Region",
        "accounts",
        "HubSpot companies (English)",
        {"account_id": "Record ID", "name": "Company name"},
    ),
    (
        "deal_id | merged_deal_id | _fivetran_synced",
        "merges",
        "HubSpot's merged deals by Fivetran",
        {"opportunity_id": "merged_deal_id", "into_id": "deal_id"},
    ),
    (
        "ID | Title | Stage | Status | Owner | Value | Currency | Pipeline | Deal created | "
        "Won time | Lost time",
        "opportunities",
        "Pipedrive deals (English)",
        {"opportunity_id": "ID", "name": "Title", "lost_at": "Lost time"},
    ),
    (
        "Topic | Potential Customer | Status | Est. close date | Est. revenue | Owner",
        "opportunities",
        "Dynamics 365 opportunities (English)",
        {"expected_close": "Est. close date"},
    ),
]


@pytest.mark.parametrize(("headers", "table", "title", "columns"), OTHERS)
def test_other_kinds_of_files(headers, table, title, columns):
    """Histories, activities, accounts and merges are told apart from opportunities."""
    match = found(headers)
    assert (match.table, match.reason.split(", by its columns")[0]) == (table, title)
    assert {ours: match.columns[ours] for ours in columns} == columns


# ---- Header rows of exports that are public ---------------------------------------------------
# Each as a fact: product and kind of export. No row of data was taken over.

REAL = [
    # HubSpot, list of deals, English account.
    ("Record ID|Deal Name|Associated Company|Deal Stage|Amount|Close Date|Deal Owner", "HubSpot"),
    # HubSpot, list of deals with columns of the company's own, English account.
    (
        "Record ID|Deal Name|Region|Deal Stage|Solution|SOW|Active Status|Deal owner|Channel|Amount"
        "|Associated Note|Deal Associate|Is closed lost|Associated Note IDs",
        "HubSpot",
    ),
    # HubSpot, all deals, French account.
    (
        "ID de fiche d'informations|Nom de la transaction|Phase de la transaction|Pipeline|"
        "Collaborateur de transaction|Date de fermeture|Date de création|"
        "Description de la transaction",
        "HubSpot",
    ),
    # Pipedrive, list of deals with all columns, German account.
    (
        "Deal - Titel|Deal - Organisation|Deal - Wert|Deal - Status|Deal - Verlustgrund|"
        "Deal - Besitzer|Deal - Deal erstellt|Deal - Datum des verlorenen Deals|Deal - Phase|"
        "Deal - Zu erledigende Aktivitäten|Deal - Kontaktperson|Deal - Deal abgeschlossen am|"
        "Deal - Erledigte Aktivitäten|Deal - ID|Deal - Label|Deal - Letzte Phasenänderung|"
        "Deal - Wahrscheinlichkeit|Deal - Gewichteter Wert|Deal - Pipeline|"
        "Deal - Datum des gewonnenen Deals",
        "Pipedrive",
    ),
    # Pipedrive, list of deals, French account.
    (
        "Affaire - Titre|Affaire - Valeur|Affaire - Organisation|Affaire - Personne à contacter|"
        "Affaire - Étape|Affaire - Statut|Affaire - Date de clôture prévue|"
        "Affaire - Raison de perte",
        "Pipedrive",
    ),
    # Pipedrive, list of deals, Spanish account that says Trato.
    (
        "Trato - ID|Trato - Título|Trato - Valor|Trato - Moneda|Trato - Etapa|"
        "Trato - Fecha de cierre prevista|Trato - Estado",
        "Pipedrive",
    ),
    # Pipedrive, list of deals, English account with an older wording.
    (
        "Deal - Title|Deal - Stage (pipeline)|Deal - Status|Deal - Value|Deal - Currency of value|"
        "Deal - Probability|Deal - Creation date|Deal - Expected close date|Deal - Closed on|"
        "Deal - Lost reason",
        "Pipedrive",
    ),
    # Dynamics 365, Excel export of a view, renamed columns.
    ("(Do Not Modify) Opportunity|Topic|Account|Pipeline Phase|Close Date|TCV", "Dynamics 365"),
    # Dynamics 365, Excel export of a customised table: neither topic nor phase.
    (
        "(Do Not Modify) Opportunity|(Do Not Modify) Row Checksum|"
        "(Do Not Modify) Last Modified Date|Oppty ID|Platform/Business Line|Client|"
        "Opportunity Name|Status|Probability|Total Bid Value (Excluding NII)|Close Date",
        "Dynamics 365",
    ),
    # Dynamics 365, Excel export of a view, French.
    (
        "(Ne pas modifier) Opportunité|AE en charge|Nom de la transaction|Client potentiel|"
        "Nombre de machines|Probabilité estimée par AE|Date de fermeture estimée|Phase active",
        "Dynamics 365",
    ),
    # Salesforce, report, German.
    (
        "Opportunity-Name|Rating|Nächster Schritt|Phase|Schlusstermin|Erstelldatum|"
        "Opportunity-Inhaber|Lead-Quelle|Wahrscheinlichkeit (%)",
        "Salesforce",
    ),
    # Salesforce, report without an id, amounts beside their currencies, English.
    (
        "Territory Region|Opportunity Owner|Account Name|Opportunity Name|Stage|Forecast Category|"
        "Total Amount Currency|Total Amount|Fiscal Period|Close Date|Opportunity Next Steps|Type",
        "Salesforce",
    ),
    # Salesforce, report with products, French, without a name.
    (
        "Propriétaire de l'opportunité|Date de création|Date de clôture|Etape|Opportunity Number|"
        "Revendeur|Client Final|Quantité|Prix de vente|Prix total|Nom du produit",
        "Salesforce",
    ),
    # Zoho CRM, export of the module Deals.
    (
        "Record Id|Deal Owner.id|Amount|Deal Name|Closing Date|Account Name.id|Stage|"
        "Invoiced Items",
        "Zoho CRM",
    ),
    # Zoho CRM (its sister Bigin), deals with companies instead of accounts.
    (
        "Deal Id|Deal Owner.id|Deal Owner|Deal Name|Company Name.id|Company Name|Contact Name.id|"
        "Contact Name|Sub-Pipeline|Amount|Stage|Closing Date|Description|Created By.id|Created By|"
        "Created Time",
        "Zoho CRM",
    ),
    # Close, as a script of its maker writes opportunities into a CSV.
    (
        "lead_name|status_type|status_label|confidence|user_name|value|value_period|note|"
        "date_created|date_updated|date_won",
        "Close CRM",
    ),
    # Zoho CRM, a report of four columns: plain words are enough, but not whose they are.
    ("Amount|Stage|Closing Date|Deal Owner Name", None),
]


@pytest.mark.parametrize(("headers", "crm"), REAL)
def test_header_rows_of_public_exports(headers, crm):
    """Every one is read as opportunities of its CRM."""
    match = found(headers)
    assert (match.table, match.crm) == ("opportunities", crm)


def test_other_tables_of_the_same_crms_are_no_opportunities():
    """Leads of Dynamics 365 and its German accounts carry the same marks."""
    leads = found("(Do Not Modify) Lead|(Do Not Modify) Row Checksum|Subject|First Name|Last Name")
    firms = found("(Nicht ändern) Firma|(Nicht ändern) Zeilenprüfsumme|Firmenname|Ort|Land")
    assert (leads.table, firms.table) == (None, None)


def test_products_and_campaigns_are_no_reps():
    """They have an id, a name and whether they are active, as a user has."""
    assert found("Id|Name|IsActive|ManagerId|Title").table == "reps"
    assert found("Id|Name|ProductCode|IsActive|Family").table is None


# ---- Histories --------------------------------------------------------------------------------


def test_a_field_history_says_which_fields_in_our_words():
    """Stage, amount, close date and owner belong; changes of other fields do not."""
    match = found(
        "Opportunity Name|Field / Event|Old Value|New Value|Edit Date|Edited By|Opportunity ID"
    )
    assert match.table == "changes"
    assert match.values["field"]["Opportunity Owner"] == "rep_id"
    assert set(match.keep_where) == {"Field / Event"}
    kept = {match.values["field"][field] for field in match.keep_where["Field / Event"]}
    assert kept == {"stage", "amount", "expected_close", "rep_id"}


def test_the_objects_field_history_has_api_names():
    """`StageName` is our stage."""
    match = found("Id|OpportunityId|Field|OldValue|NewValue|CreatedDate|CreatedById")
    assert match.columns["changed_by"] == "CreatedById"
    assert match.values["field"]["StageName"] == "stage"
    assert set(match.keep_where["Field"]) == set(match.values["field"])


def test_stage_dates_of_a_wide_export():
    """Stage and pipeline stand in the header; brackets in either and blanks at the end are part."""
    deals = ["Record ID", "Deal Name", "Deal Stage"]
    dated = {
        'Date entered "Discovery (Sales Pipeline)"': ("Discovery", "Sales Pipeline"),
        'Date entered "Qualified  (Sales Pipeline)"': ("Qualified", "Sales Pipeline"),
        'Date entered "Demo (held) (Sales Pipeline)"': ("Demo (held)", "Sales Pipeline"),
        'Date entered "Won (Partners (EU))"': ("Won", "Partners (EU)"),
        'Date entered "Lost"': ("Lost", None),
    }
    others = [
        'Date exited "Discovery (Sales Pipeline)"',
        'Cumulative time in "Discovery (Sales Pipeline)" (HH:mm:ss)',
        'Latest time in "Discovery (Sales Pipeline)" (HH:mm:ss)',
        "Date entered current stage",
    ]
    assert found([*deals, *dated, *others]).stage_dates == dated


def test_brackets_that_end_a_stages_name_are_no_pipeline_where_the_settings_know_it():
    """``Qual (50%)`` is a stage of theirs; ``Prop (Sales)`` is Prop in a pipeline called Sales."""
    headers = ["Record ID", "Deal Name", "Deal Stage"]
    dated = {
        'Date entered "Qual (50%)"': ("Qual (50%)", None),
        'Date entered "Prop (Sales)"': ("Prop", "Sales"),
    }
    match = found([*headers, *dated], stages=["Qual (50%)", "Prop"])
    assert match.stage_dates == dated


def test_stage_dates_are_in_accounts_of_other_languages_too():
    """HubSpot leaves the label in English; a translated one is read as well."""
    deals = ["Nom de la transaction", "Phase de la transaction"]
    english, french = 'Date entered "Devis (Ventes)"', "Date d’entrée dans « Signé (Ventes) »"
    assert found([*deals, english, french]).stage_dates == {
        english: ("Devis", "Ventes"),
        french: ("Signé", "Ventes"),
    }


def test_internal_names_give_the_stages_id_and_the_newer_column_holds():
    """Both columns of a stage may be there; a stage that has only the older one keeps it."""
    headers = "hs_object_id|dealname|dealstage|hs_date_entered_closedwon|hs_date_entered_7|"
    match = found(headers + "hs_v2_date_entered_closedwon|hs_v2_date_exited_closedwon")
    assert match.stage_dates == {
        "hs_v2_date_entered_closedwon": ("closedwon", None),
        "hs_date_entered_7": ("7", None),
    }


def test_stage_dates_of_the_settings_win():
    """What the settings say of a stage replaces what the headers say."""
    headers = ["Record ID", "Deal Name", "Deal Stage", 'Date entered "Lead (Sales)"', "Lead day"]
    match = found(headers, stage_dates={"Lead": "lead day"})
    assert match.stage_dates == {"Lead day": ("Lead", None)}


@pytest.mark.parametrize("crm", [*CRMS, "Zoho CRM"])
def test_advice_names_the_report_to_run(crm):
    """Click by click, for each CRM; what is no CRM gets what holds everywhere."""
    assert " > " in crosswalks.advice(crm)
    assert crosswalks.advice(crm) != crosswalks.advice(None)


def test_close_counts_in_cents_and_by_month_so_only_the_written_value_is_an_amount():
    """A value of 50000 is 500 dollars, once or each month: what is written tells, else nothing."""
    headers = ["lead_name", "status_type", "status_label", "date_created", "value", "value_period"]
    assert "amount" not in found(headers).columns
    assert found([*headers, "value_formatted"]).columns["amount"] == "value_formatted"
    assert "status_change" in crosswalks.advice("Close CRM")
    history = found(["opportunity_id", "old_status_label", "new_status_label", "date_created"])
    assert (history.table, history.columns["stage"]) == ("stage_events", "new_status_label")


# ---- What stands in a status -------------------------------------------------------------------


def test_cancelled_is_not_lost():
    """Dynamics closes both as lost; the status reason tells them apart, in every language."""
    for language, word in zip(
        LANGUAGES, ["Canceled", "Storniert", "Annulée", "Cancelada"], strict=True
    ):
        match = found(FORMATS[f"Dynamics 365 {language}"][0])
        assert match.values["status_reason"][word] == "cancelled"
        assert "cancelled" not in match.values["status"].values()


def test_the_status_is_given_in_our_words():
    """English words hold in every language: what a list shows may be the internal value."""
    match = found(FORMATS["Pipedrive French"][0])
    said = ("Gagnée", "Perdue", "En cours", "won")
    assert [match.values["status"][word] for word in said] == ["won", "lost", "open", "won"]


def test_every_meaning_in_a_crosswalk_is_one_of_ours():
    """An outcome, open, or a field of a change; of an activity whether it was held."""
    meant = {
        "status": {"open", "won", "lost", "cancelled"},
        "status_reason": {"open", "won", "lost", "cancelled"},
        "field": {"stage", "rep_id", "amount", "expected_close"},
    }
    done = {"status": {"held", "no-show", "planned"}}
    for entry in known():
        words = done if entry.table == "activities" else meant
        for column, values in entry.values.items():
            assert set(values.values()) <= words[column], entry.title


# ---- How it is decided ------------------------------------------------------------------------

ALL = [headers for headers, _, _ in FORMATS.values()] + [headers for headers, *_ in OTHERS]


def reading(match):
    """What a match comes to, whatever way the headers are written."""
    return (
        match.table,
        match.crm,
        {ours: fold(theirs) for ours, theirs in match.columns.items()},
        {fold(header) for header in match.keep_where},
        len(match.stage_dates),
    )


@given(
    headers=st.sampled_from(ALL),
    order=st.randoms(use_true_random=False),
    case=st.sampled_from([str, str.upper, str.lower, str.title]),
    blanks=st.sampled_from(["{}", " {} ", "{}\N{NO-BREAK SPACE}"]),
    extra=st.lists(st.text("qxz", min_size=4, max_size=9), max_size=5, unique=True),
)
@tries(max_examples=60, deadline=None)
def test_order_case_blanks_and_further_columns_change_nothing(headers, order, case, blanks, extra):
    """The same file with its columns shuffled, in capitals, padded, among others."""
    names = [part.strip() for part in headers.split("|")]
    other = [blanks.format(case(name)) for name in [*names, *extra]]
    order.shuffle(other)
    assert reading(found(other)) == reading(found(names))


def test_a_crosswalk_recognises_its_own_words():
    """A file with the first header of every column of an entry is read by that entry."""
    for entry in known():
        if entry.plain or entry.ours:
            continue
        headers = [theirs[0] for theirs in {**entry.inherited, **entry.columns}.values()]
        headers += [entry.headers(need[0])[0] for need in entry.needs]
        match = found(list(dict.fromkeys([*headers, *entry.marks, *entry.telling[:1]])))
        assert (match.table, match.reason.split(", by its")[0]) == (entry.table, entry.title)


def test_a_language_says_every_column_that_tells():
    """What an entry needs is translated, not left to the file it extends."""
    for entry in known():
        if entry.inherited:
            for need in entry.needs:
                assert set(need) & set(entry.columns), entry.title


def test_a_need_is_a_column_of_the_entry_or_a_header():
    """A slip in one of our names would make it a header that no file has."""
    ours = {name for columns in schema.SCHEMA.values() for name in columns}
    for entry in known():
        for need in entry.needs:
            strange = set(need) - set(entry.columns) - set(entry.inherited)
            assert not strange & ours, entry.title


def test_columns_of_ours_are_those_of_the_dictionary():
    """The tables kept by hand list the columns of the schema, none forgotten."""
    extra = {"owner_name", "account_name", "status", "won_at", "lost_at", "is_deleted"}
    lists = {entry.table: set(entry.columns) for entry in known() if entry.ours and entry.table}
    assert {table: names - extra for table, names in lists.items()} == {
        table: set(columns) - extra for table, columns in schema.SCHEMA.items()
    }


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("competencies.csv", "competency|kind|stage|role|level_needed|process|tool|hard_or_soft"),
        ("lessons.csv", "lesson|competency|bloom|minutes|kind|needs|cost"),
        ("pay.csv", "component|metric|share|role"),
        ("requests.csv", "request_id|asked_by|asked_on|audience|topic|problem|objective|evidence"),
        ("meetings.csv", "meeting|category|audience|minutes|every|purpose"),
        ("patterns.csv", "loss_reason|points_to|hard_or_soft"),
    ],
)
def test_tables_kept_for_the_plan_are_left_alone(name, headers):
    """They are known, and no table of the CRM."""
    match = found(headers, name=name)
    assert match.table is None
    assert "kept by hand" in match.reason


def test_a_sheet_or_a_member_is_called_by_its_own_name():
    """A workbook's sheet `quotas` and an archive's `quotas.csv` are quotas."""
    for name in ("ours.xlsx, sheet quotas", "all.zip, quotas.csv", "quotas.csv"):
        assert found("rep_id|period|metric|target", name=name).table == "quotas"


def test_two_crosswalks_that_fit_equally_are_not_chosen_between(monkeypatch):
    """The reason names both and the line to add."""
    (one,) = [entry for entry in known() if entry.title == "HubSpot deals (English)"]
    columns = {**one.columns, "name": ("Deal Stage",), "stage": ("Deal Name",)}
    two = dataclasses.replace(one, name="Other deals", crm="Other", columns=columns)
    monkeypatch.setattr(crosswalks, "known", lambda: [one, two])
    match = found("Record ID|Deal Name|Deal Stage")
    assert match.table is None
    assert "HubSpot deals (English) and Other deals (English) equally well" in match.reason
    assert '[files] opportunities = "export.csv"' in match.reason


def test_what_only_one_product_writes_outweighs_more_common_words():
    """Title, stage, status and a close date are Pipedrive's, but not beside Dynamics' own marks."""
    common = "Title|Stage|Status|Expected close date"
    assert found(common).crm == "Pipedrive"
    marked = f"(Do Not Modify) Opportunity|(Do Not Modify) Row Checksum|{common}"
    assert found(marked).crm == "Dynamics 365"


def test_a_table_kept_by_hand_is_not_taken_for_another_by_plain_words():
    """Accounts with a stage and a rep of theirs stay accounts; under another name they do not."""
    headers = "account_id|name|stage|sales rep|deal value|close date"
    assert found(headers, name="accounts.csv").table == "accounts"
    assert found(headers).table == "opportunities"


# ---- Plain words ------------------------------------------------------------------------------


def test_plain_words_are_the_last_resort():
    """Id, stage, owner, amount and dates, with blanks or underscores, in capitals or not."""
    match = found("deal_id|STAGE|Sales Rep|Deal Value|closeDate|created_at|Mood")
    assert match.table == "opportunities"
    assert match.columns == {
        "opportunity_id": "deal_id",
        "stage": "STAGE",
        "owner_name": "Sales Rep",
        "amount": "Deal Value",
        "closed_at": "closeDate",
        "created_at": "created_at",
    }
    assert match.crm is None
    assert match.reason.startswith("plain headers of opportunities, by its columns deal_id")


def test_of_two_that_could_be_the_stage_none_is_chosen():
    """The reason names both and the line to add; with that line the file is read."""
    headers = "Deal ID|Stage|Sales Stage|Sales Rep|Amount"
    match = found(headers)
    assert match.table is None
    assert "more than one column could be stage: Stage, Sales Stage" in match.reason
    assert '[columns.opportunities] stage = "..."' in match.reason
    told = found(headers, columns={"opportunities": {"stage": "Sales Stage"}})
    assert (told.table, told.columns["stage"]) == ("opportunities", "Sales Stage")


def test_of_two_that_could_be_the_owner_neither_is_taken_and_it_is_said():
    """The file is read without an owner."""
    match = found("Deal ID|Stage|Sales Rep|Account Executive|Amount")
    assert "owner_name" not in match.columns
    assert "Sales Rep and Account Executive could each be owner_name, so neither is" in match.reason


@pytest.mark.parametrize(
    "headers",
    [
        "Task|Status|Owner|Due Date|Created",
        "Ticket ID|Subject|Status|Owner|Priority|Created",
        "activity_id|rep_id|opportunity_id|account_id|contact_id|type|status|at|minutes|outcome",
        "Name|Stage|Amount",
        "rep|manager|date|topic",
        "stage|description",
    ],
)
def test_what_is_not_plainly_a_list_of_opportunities_is_left_alone(headers):
    """Tasks, tickets and activities have a status and an owner, too."""
    assert found(headers, name="some list.csv").table is None


def test_a_plain_history_is_one():
    """An opportunity's id, a stage and when it was entered."""
    match = found("deal_id|stage|entered_at|rep_id", name="moves.csv")
    assert (match.table, match.columns["entered_at"]) == ("stage_events", "entered_at")


# ---- What the settings say --------------------------------------------------------------------


def test_columns_of_the_settings_win():
    """A header that the crosswalk would read otherwise, and one of the company's own."""
    own = {"opportunities": {"amount": "TCV", "stage": "sub-stage"}}
    match = found("Record ID|Deal Name|Deal Stage|Amount|TCV|Sub-Stage", columns=own)
    assert (match.columns["amount"], match.columns["stage"]) == ("TCV", "Sub-Stage")


def test_a_typing_slip_in_the_settings_gets_the_nearest_header():
    """The message names the key, the file and what was meant."""
    own = {"opportunities": {"amount": "Deal Vale"}}
    with pytest.raises(SettingsError, match=r"amount = 'Deal Vale'.*Did you mean 'Deal Value'"):
        found("Record ID|Deal Name|Deal Stage|Deal Value", columns=own)
    with pytest.raises(SettingsError, match=r"\[stage_dates\].*Did you mean 'Lead day'"):
        found("Record ID|Deal Name|Deal Stage|Lead day", stage_dates={"Lead": "Lead dya"})


def test_a_file_that_is_named_is_read_by_its_crosswalk_where_the_settings_are_silent():
    """Naming the file does not mean naming every column."""
    match = found(
        "Record ID|Deal Name|Deal Stage|Deal owner|TCV",
        files={"opportunities": "export.csv"},
        columns={"opportunities": {"amount": "TCV"}},
    )
    assert match.columns["owner_name"] == "Deal owner"
    assert match.columns["amount"] == "TCV"
    assert match.reason.startswith("named in settings; HubSpot deals (English), by its columns")


def test_columns_that_the_settings_describe_need_no_file_name():
    """All of them are there, and nothing else fits."""
    own = {"opportunities": {"opportunity_id": "Vorgang", "stage": "Stufe", "amount": "Summe"}}
    match = found("Vorgang|Stufe|Summe|Notiz", columns=own)
    assert (match.table, match.columns["stage"]) == ("opportunities", "Stufe")
    assert found("Vorgang|Stufe|Notiz", columns=own).table is None


# ---- What is said where nothing fits ------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (
            "Record ID|Deal Name|Deal Stge|Amount",
            "HubSpot deals (English), which also needs Deal Stage (is it 'Deal Stge'?)",
        ),
        (
            "Opportunty ID|Stage",
            "Salesforce report of opportunities (English), which also needs",
        ),
    ],
)
def test_the_nearest_crosswalk_and_what_it_lacks_are_named(headers, said):
    """A slip in a header is pointed at."""
    match = found(headers)
    assert match.table is None
    assert f"nearest: {said}" in match.reason


def test_plain_words_say_which_crm_came_near():
    """A slip in one header may be all that hides whose export it is."""
    match = found("Id|Name|Stage Name|CloseDate|Amount")
    assert match.reason.startswith("plain headers of opportunities, by its columns Id, Name")
    near = "nearest: Salesforce objects, which also needs StageName (is it 'Stage Name'?)"
    assert match.reason.endswith(near)


def test_a_table_kept_by_hand_that_lacks_a_column_says_which():
    """Quotas without a target."""
    match = found("rep_id|period|metric|amount", name="quotas.csv")
    assert "nearest: our own columns of quotas, which also needs target" in match.reason


def test_what_is_near_to_nothing_says_no_more():
    """A list of weather is no CRM's."""
    assert found("day|rain|wind").reason == "its columns fit no table of ours"


@tries(max_examples=60, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=12, unique=True))
def test_any_headers_at_all_give_a_match_with_a_reason(headers):
    """Whatever stands there, it is said what it was taken for."""
    assert found(headers).reason


# ---- The recipe, followed for Zoho --------------------------------------------------------------


def test_zoho_by_the_recipe():
    """The steps of CONTRIBUTING.md: opportunities, their history, ids beside names, advice."""
    deals = found(
        "Record Id|Deal Owner.id|Deal Owner|Amount|Deal Name|Closing Date|Account Name|Stage|"
        "Created Time|Lead Source|Type|Pipeline"
    )
    assert (deals.table, deals.crm) == ("opportunities", "Zoho CRM")
    assert (deals.columns["rep_id"], deals.columns["owner_name"]) == ("Deal Owner.id", "Deal Owner")
    history = found("Record Id|Deal Name|Stage|Amount|Modified Time|Modified By|Stage Duration")
    assert (history.table, history.columns["entered_at"]) == ("stage_events", "Modified Time")
    assert "Stage History" in crosswalks.advice("Zoho CRM")


def test_one_file_per_crm_and_language():
    """A file has one CRM and one language at most, and each CRM's advice stands once."""
    advised = [text["crm"] for text in texts().values() if "history_advice" in text]
    assert len(advised) == len(set(advised))
    pairs = [(text["name"], text.get("language")) for text in texts().values()]
    assert len(pairs) == len(set(pairs))


def test_shuffling_does_not_depend_on_the_hash_seed():
    """A hundred orders of one header row give one reading."""
    names = [part.strip() for part in FORMATS["HubSpot English"][0].split("|")]
    readings = [
        reading(found(random.Random(seed).sample(names, len(names)))) for seed in range(100)
    ]
    assert all(one == readings[0] for one in readings)


def test_a_sheet_kept_by_hand_is_read_whole_though_it_uses_a_word_of_a_crm(tmp_path):
    """Opp ID, Value, Created and Rep are no words of Salesforce; Opportunity Name alone is."""
    (tmp_path / "deals.csv").write_text(
        "Opp ID,Opportunity Name,Stage,Value,Created,Rep\n1,A,Lead,100,2026-01-02,Ann\n"
    )
    (found,) = exports.read(tmp_path / "deals.csv")
    (match,) = crosswalks.match(found, workspace.read(LEAST, folder=tmp_path))
    assert match.crm is None
    assert match.columns["amount"] == "Value"
    assert match.columns["opportunity_id"] == "Opp ID"
