"""Addresses of the datasets room."""

from django.urls import URLPattern, URLResolver, path

from datasets.api import care as care_api
from datasets.api import contracts as contracts_api
from datasets.api import countings as countings_api
from datasets.api import destinations as destinations_api
from datasets.api import events as events_api
from datasets.api import exports as exports_api
from datasets.api import looks as looks_api
from datasets.api import quality as quality_api
from datasets.api import recipes as recipes_api
from datasets.api import resumable
from datasets.api import sources as sources_api
from datasets.api import studies as studies_api
from datasets.api import versions as api
from datasets.pages import (
    care,
    contracts,
    countings,
    destinations,
    event_keys,
    explore,
    exports,
    listing,
    previews,
    quality,
    recipes,
    schemas,
    sources,
    steps,
    studies,
    versions,
)

DATASET = "p/<slug:key>/data/<slug:name>/"
DESTINATION = "p/<slug:key>/data/<slug:name>/destinations/<slug:destination>/"
VERSION = "p/<slug:key>/data/<slug:name>/v<int:number>/"
API = "projects/<slug:key>/datasets/"
RESUMABLE = "projects/<slug:key>/resumable/<uuid:upload>/"
DESTINATIONS_API = f"{API}<slug:name>/destinations/"
DESTINATION_API = f"{DESTINATIONS_API}<slug:destination>/"
VERSION_API = f"{API}<slug:name>/versions/<int:number>/"
QUALITY = "p/<slug:key>/data/<slug:name>/quality/"
CONTRACT = "p/<slug:key>/data/<slug:name>/contract/"
RULES_API = f"{API}<slug:name>/rules/"
SUBSCRIPTIONS_API = f"{API}<slug:name>/subscriptions/"
RECIPE = "p/<slug:key>/recipes/<slug:name>/"
RECIPES_API = "projects/<slug:key>/recipes/"
SOURCE = "p/<slug:key>/sources/<slug:name>/"
SOURCES_API = "projects/<slug:key>/sources/"
SOURCE_API = f"{SOURCES_API}<slug:name>/"
RECIPE_API = f"{RECIPES_API}<slug:name>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("data/", listing.AllData.as_view(), name="all-data"),
    path("p/<slug:key>/data/", listing.Data.as_view(), name="data"),
    path("p/<slug:key>/data/upload/", listing.Upload.as_view(), name="upload"),
    path(
        "p/<slug:key>/data/<slug:name>/uploads/<uuid:ingestion>/",
        previews.UploadPreview.as_view(),
        name="upload-preview",
    ),
    path("p/<slug:key>/data/<slug:name>/columns/", schemas.SchemaPolicyPage.as_view(), name="dataset-schema"),
    path(f"{VERSION}accept-columns/", schemas.AcceptColumns.as_view(), name="dataset-accept-columns"),
    path(VERSION, versions.DatasetVersion.as_view(), name="dataset-version"),
    path(f"{VERSION}columns.csv", versions.ColumnsCsv.as_view(), name="dataset-columns-csv"),
    path(f"{VERSION}refused.csv", versions.RefusedCsv.as_view(), name="dataset-refused-csv"),
    path(QUALITY, quality.Quality.as_view(), name="dataset-quality"),
    path(f"{QUALITY}add/<slug:kind>/", quality.RuleNew.as_view(), name="dataset-rule-new"),
    path(f"{QUALITY}rules/<int:rule>/", quality.RuleChange.as_view(), name="dataset-rule"),
    path(f"{QUALITY}rules/<int:rule>/retire/", quality.RuleRetire.as_view(), name="dataset-rule-retire"),
    path(f"{QUALITY}suggestions/", quality.SuggestionTake.as_view(), name="dataset-suggestion"),
    path(f"{VERSION}check/", quality.CheckNow.as_view(), name="dataset-check"),
    path(f"{VERSION}waive/<int:rule>/", quality.Waive.as_view(), name="dataset-waive"),
    path(f"{VERSION}quarantine/", quality.SetAside.as_view(), name="dataset-quarantine"),
    path(f"{VERSION}quarantined.csv", quality.QuarantinedCsv.as_view(), name="dataset-quarantined-csv"),
    path(CONTRACT, contracts.Contract.as_view(), name="dataset-contract"),
    path(f"{CONTRACT}write/", contracts.ContractWrite.as_view(), name="dataset-contract-write"),
    path(f"{CONTRACT}sign/", contracts.DataContractSign.as_view(), name="dataset-contract-sign"),
    path(f"{CONTRACT}subscribe/", contracts.Subscribe.as_view(), name="dataset-subscribe"),
    path(
        f"{CONTRACT}subscriptions/<uuid:subscription>/end/",
        contracts.Unsubscribe.as_view(),
        name="dataset-unsubscribe",
    ),
    path("p/<slug:key>/recipes/", recipes.Recipes.as_view(), name="recipes"),
    path("p/<slug:key>/new-recipe/", recipes.RecipeNew.as_view(), name="recipe-new"),
    path(RECIPE, recipes.RecipePage.as_view(), name="recipe"),
    path(f"{RECIPE}run/", recipes.Run.as_view(), name="recipe-run"),
    path(f"{RECIPE}preview/", recipes.Preview.as_view(), name="recipe-preview"),
    path(f"{RECIPE}order/", steps.Order.as_view(), name="recipe-order"),
    path(f"{RECIPE}add/<slug:kind>/", steps.StepNew.as_view(), name="recipe-step-new"),
    path(f"{RECIPE}steps/<int:place>/", steps.StepChange.as_view(), name="recipe-step"),
    path("data/feeds/<uuid:feed>.csv", exports.FeedFile.as_view(), name="feed"),
    path(f"{DATASET}care/", care.Care.as_view(), name="dataset-care"),
    path(f"{DATASET}words/", care.Words.as_view(), name="dataset-words"),
    path(f"{DATASET}sensitive/", care.SensitiveColumns.as_view(), name="dataset-sensitive"),
    path(f"{DATASET}kpis/", countings.CountFrom.as_view(), name="dataset-kpis"),
    path(f"{DATASET}kpis/<slug:kpi>/stop/", countings.CountNoMore.as_view(), name="dataset-kpi-stop"),
    path(f"{DATASET}retention/", care.Retention.as_view(), name="dataset-retention"),
    path(f"{DATASET}feeds/", care.Feeds.as_view(), name="dataset-feeds"),
    path(f"{DATASET}feeds/<uuid:feed>/revoke/", care.FeedRevoke.as_view(), name="dataset-feed-revoke"),
    path(f"{DATASET}destinations/", destinations.Destinations.as_view(), name="dataset-destinations"),
    path(
        f"{DATASET}new-destination/<slug:kind>/",
        destinations.DestinationNew.as_view(),
        name="dataset-destination-new",
    ),
    path(DESTINATION, destinations.DestinationPage.as_view(), name="dataset-destination"),
    path(f"{DESTINATION}edit/", destinations.DestinationChange.as_view(), name="dataset-destination-edit"),
    path(f"{DESTINATION}decide/", destinations.DestinationDecide.as_view(), name="dataset-destination-decide"),
    path(f"{DESTINATION}test/", destinations.DestinationTest.as_view(), name="dataset-destination-test"),
    path(f"{DESTINATION}write/", destinations.DestinationWrite.as_view(), name="dataset-destination-write"),
    path(f"{VERSION}export/", exports.Exports.as_view(), name="dataset-export"),
    path(f"{VERSION}exports/<uuid:export>/", exports.ExportFile.as_view(), name="dataset-export-file"),
    path(f"{VERSION}difference/", studies.Difference.as_view(), name="dataset-difference"),
    path(f"{VERSION}associations/", studies.Associations.as_view(), name="dataset-associations"),
    path("p/<slug:key>/sources/", sources.Sources.as_view(), name="sources"),
    path("p/<slug:key>/new-source/<slug:kind>/", sources.SourceNew.as_view(), name="source-new"),
    path(SOURCE, sources.SourcePage.as_view(), name="source"),
    path(f"{SOURCE}edit/", sources.SourceChange.as_view(), name="source-edit"),
    path(f"{SOURCE}decide/", sources.Decide.as_view(), name="source-decide"),
    path(f"{SOURCE}test/", sources.SourceTest.as_view(), name="source-test"),
    path(f"{SOURCE}load/", sources.SourceLoad.as_view(), name="source-load"),
    path(f"{SOURCE}pulls/<uuid:pull>/", previews.SourceLook.as_view(), name="source-look"),
    path(f"{SOURCE}event-keys/", event_keys.EventKeys.as_view(), name="source-keys"),
    path(f"{SOURCE}event-keys/<uuid:event_key>/revoke/", event_keys.EventKeyRevoke.as_view(), name="source-key-revoke"),
    path("p/<slug:key>/explore/", explore.Explore.as_view(), name="explore"),
]
api_urls: list[URLPattern | URLResolver] = [
    path(API, api.Datasets.as_view(), name="api-datasets"),
    path(f"{API}<slug:name>/uploads/", api.Uploads.as_view(), name="api-uploads"),
    path(f"{API}<slug:name>/resumable/", resumable.Begin.as_view(), name="api-resumable-uploads"),
    path(RESUMABLE, resumable.Resumable.as_view(), name="api-resumable-upload"),
    path(
        "projects/<slug:key>/resumable/<uuid:upload>/finish/", resumable.Finish.as_view(), name="api-resumable-finish"
    ),
    path(f"{API}<slug:name>/uploads/<uuid:ingestion>/", api.UploadDetail.as_view(), name="api-upload"),
    path(f"{API}<slug:name>/uploads/<uuid:ingestion>/look/", api.LookAgain.as_view(), name="api-upload-look"),
    path(f"{API}<slug:name>/uploads/<uuid:ingestion>/read/", api.ReadIt.as_view(), name="api-upload-read"),
    path(f"{API}<slug:name>/uploads/<uuid:ingestion>/drop/", api.DropIt.as_view(), name="api-upload-drop"),
    path(f"{API}<slug:name>/columns/", api.Columns.as_view(), name="api-dataset-columns"),
    path(
        f"{API}<slug:name>/versions/<int:number>/accept-columns/",
        api.AcceptColumns.as_view(),
        name="api-accept-columns",
    ),
    path(f"{API}<slug:name>/versions/", api.Versions.as_view(), name="api-versions"),
    path(f"{API}<slug:name>/versions/<int:number>/", api.VersionDetail.as_view(), name="api-version"),
    path(f"{API}<slug:name>/versions/<int:number>/publish/", api.Publish.as_view(), name="api-publish"),
    path("catalog/", care_api.Catalog.as_view(), name="api-catalog"),
    path(f"{API}<slug:name>/words/", care_api.Words.as_view(), name="api-dataset-words"),
    path(f"{API}<slug:name>/sensitive/", care_api.SensitiveColumns.as_view(), name="api-dataset-sensitive"),
    path(f"{API}<slug:name>/kpis/", countings_api.Countings.as_view(), name="api-dataset-kpis"),
    path(f"{API}<slug:name>/kpis/<slug:kpi>/", countings_api.CountingDetail.as_view(), name="api-dataset-kpi"),
    path(f"{API}<slug:name>/retention/", care_api.Retention.as_view(), name="api-dataset-retention"),
    path(f"{API}<slug:name>/feeds/", exports_api.Feeds.as_view(), name="api-dataset-feeds"),
    path(f"{API}<slug:name>/feeds/<uuid:feed>/revoke/", exports_api.FeedRevoke.as_view(), name="api-feed-revoke"),
    path(
        "projects/<slug:key>/destination-kinds/",
        destinations_api.DestinationKinds.as_view(),
        name="api-destination-kinds",
    ),
    path(DESTINATIONS_API, destinations_api.Destinations.as_view(), name="api-destinations"),
    path(DESTINATION_API, destinations_api.DestinationDetail.as_view(), name="api-destination"),
    path(
        f"{DESTINATION_API}approve/",
        destinations_api.ApproveDestination.as_view(),
        name="api-destination-approve",
    ),
    path(f"{DESTINATION_API}refuse/", destinations_api.RefuseDestination.as_view(), name="api-destination-refuse"),
    path(f"{DESTINATION_API}test/", destinations_api.DestinationTest.as_view(), name="api-destination-test"),
    path(f"{DESTINATION_API}writes/", destinations_api.Writings.as_view(), name="api-writings"),
    path(f"{DESTINATION_API}writes/<uuid:write>/", destinations_api.WritingDetail.as_view(), name="api-writing"),
    path(f"{VERSION_API}file/", exports_api.VersionFile.as_view(), name="api-version-file"),
    path(f"{VERSION_API}exports/", exports_api.Exports.as_view(), name="api-version-exports"),
    path(f"{VERSION_API}difference/", studies_api.Difference.as_view(), name="api-difference"),
    path(f"{VERSION_API}associations/", studies_api.Associations.as_view(), name="api-associations"),
    path("projects/<slug:key>/quality-rules/", quality_api.RuleKinds.as_view(), name="api-rule-kinds"),
    path(RULES_API, quality_api.Rules.as_view(), name="api-rules"),
    path(f"{RULES_API}<int:rule>/", quality_api.RuleDetail.as_view(), name="api-rule"),
    path(f"{API}<slug:name>/rule-suggestions/", quality_api.RuleSuggestions.as_view(), name="api-rule-suggestions"),
    path(f"{VERSION_API}checks/", quality_api.Checks.as_view(), name="api-checks"),
    path(f"{VERSION_API}waivers/", quality_api.RuleWaivers.as_view(), name="api-rule-waivers"),
    path(f"{VERSION_API}quarantine/", quality_api.Quarantines.as_view(), name="api-quarantine"),
    path(f"{API}<slug:name>/contract/", contracts_api.Contract.as_view(), name="api-data-contract"),
    path(SUBSCRIPTIONS_API, contracts_api.Subscriptions.as_view(), name="api-subscriptions"),
    path(
        f"{SUBSCRIPTIONS_API}<uuid:subscription>/",
        contracts_api.SubscriptionDetail.as_view(),
        name="api-subscription",
    ),
    path(RECIPES_API, recipes_api.Recipes.as_view(), name="api-recipes"),
    path("projects/<slug:key>/recipe-steps/", recipes_api.StepKinds.as_view(), name="api-recipe-steps"),
    path("projects/<slug:key>/connectors/", sources_api.Connectors.as_view(), name="api-connectors"),
    path(SOURCES_API, sources_api.SourcesList.as_view(), name="api-sources"),
    path(SOURCE_API, sources_api.SourceDetail.as_view(), name="api-source"),
    path(f"{SOURCE_API}events/", events_api.PushEvents.as_view(), name="api-events"),
    path(f"{SOURCE_API}event-keys/", events_api.EventKeys.as_view(), name="api-event-keys"),
    path(f"{SOURCE_API}event-keys/<uuid:event_key>/", events_api.EventKeyDetail.as_view(), name="api-event-key"),
    path(f"{SOURCE_API}approve/", sources_api.ApproveSource.as_view(), name="api-source-approve"),
    path(f"{SOURCE_API}refuse/", sources_api.RefuseSource.as_view(), name="api-source-refuse"),
    path(f"{SOURCE_API}test/", sources_api.SourceTest.as_view(), name="api-source-test"),
    path(f"{SOURCE_API}pulls/", sources_api.Pulls.as_view(), name="api-pulls"),
    path(f"{SOURCE_API}pulls/<uuid:pull>/", sources_api.PullDetail.as_view(), name="api-pull"),
    path(f"{SOURCE_API}pulls/<uuid:pull>/look/", looks_api.PullLook.as_view(), name="api-pull-look"),
    path(f"{SOURCE_API}pulls/<uuid:pull>/read/", looks_api.PullRead.as_view(), name="api-pull-read"),
    path(f"{SOURCE_API}pulls/<uuid:pull>/drop/", looks_api.PullDrop.as_view(), name="api-pull-drop"),
    path(RECIPE_API, recipes_api.RecipeDetail.as_view(), name="api-recipe"),
    path(f"{RECIPE_API}versions/", recipes_api.RecipeVersions.as_view(), name="api-recipe-versions"),
    path(f"{RECIPE_API}preview/", recipes_api.Preview.as_view(), name="api-recipe-preview"),
    path(f"{RECIPE_API}preparations/", recipes_api.Preparations.as_view(), name="api-preparations"),
    path(
        f"{RECIPE_API}preparations/<uuid:preparation>/",
        recipes_api.PreparationDetail.as_view(),
        name="api-preparation",
    ),
]
