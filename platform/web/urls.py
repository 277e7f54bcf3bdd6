"""Addresses of the web room: health, set-up, sign-in, account, people, inbox, and the API's own documents."""

from django.urls import URLPattern, URLResolver, path

from web import (
    account,
    account_api,
    documents,
    health,
    inbox,
    inbox_api,
    people,
    proof,
    reset,
    second_step,
    second_step_api,
    sign_in,
    single_sign_on,
)
from web import schema as schema  # it registers itself with the API's document; only the web process needs it

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.Healthz.as_view(), name="healthz"),
    path("readyz", health.Readyz.as_view(), name="readyz"),
    path("set-up/<str:secret>/", sign_in.SetUp.as_view(), name="set-up"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign-in"),
    path("sign-out/", sign_in.SignOut.as_view(), name="sign-out"),
    path("sign-in/code/", second_step.SignInCode.as_view(), name="sign-in-code"),
    path("sign-in/code/passkey/", second_step.SignInPasskey.as_view(), name="sign-in-passkey"),
    path("sign-in/forgotten/", reset.Forgotten.as_view(), name="forgotten"),
    path("sign-in/reset/<str:place>/<str:token>/", reset.Reset.as_view(), name="reset"),
    path("sign-in/with/<slug:provider>/", single_sign_on.SsoBegin.as_view(), name="sso"),
    path("sign-in/with/<slug:provider>/back/", single_sign_on.SsoBack.as_view(), name="sso-back"),
    path("account/second-step/", second_step.SecondStep.as_view(), name="second-step"),
    path("account/second-step/app/", second_step.AddApp.as_view(), name="second-step-app"),
    path("account/second-step/passkey/", second_step.AddPasskey.as_view(), name="second-step-passkey"),
    path("account/second-step/options/", second_step.PasskeyOptions.as_view(), name="second-step-options"),
    path("account/second-step/codes/", second_step.NewCodes.as_view(), name="second-step-codes"),
    path("account/second-step/<int:pk>/remove/", second_step.RemoveWay.as_view(), name="second-step-remove"),
    path("ask-administrators/", account.AskAdministrators.as_view(), name="ask-administrators"),
    path("account/proof/", proof.ProofOptions.as_view(), name="proof-options"),
    path("account/sessions/<uuid:pk>/end/", account.EndSession.as_view(), name="session-end"),
    path("account/", account.Account.as_view(), name="account"),
    path("account/theme/", account.ChangeTheme.as_view(), name="account-theme"),
    path("account/password/", account.ChangePassword.as_view(), name="account-password"),
    path("account/tokens/", account.CreateToken.as_view(), name="account-token-new"),
    path("account/tokens/<uuid:pk>/revoke/", account.RevokeToken.as_view(), name="account-token-revoke"),
    path("people/", people.People.as_view(), name="people"),
    *(
        path(f"people/<uuid:pk>/{act}/", people.ChangePerson.as_view(act=act), name=f"person-{act}")
        for act in people.ACTS
    ),
    path("inbox/", inbox.Inbox.as_view(), name="inbox"),
    path("inbox/settings/", inbox.InboxSettings.as_view(), name="inbox-settings"),
    path("inbox/<uuid:pk>/", inbox.OneNotice.as_view(), name="inbox-one"),
]
api_urls: list[URLPattern | URLResolver] = [
    path("setup/", account_api.SetUpCall.as_view(), name="api-setup"),
    path("tokens/", account_api.Tokens.as_view(), name="api-tokens"),
    path("tokens/<uuid:pk>/", account_api.OneToken.as_view(), name="api-token"),
    path("me/sessions/", account_api.Sessions.as_view(), name="api-sessions"),
    path("me/sessions/<uuid:pk>/", account_api.OneSession.as_view(), name="api-session"),
    path("me/second-step/", second_step_api.SecondStepEndpoint.as_view(), name="api-second-step"),
    path("me/second-step/secret/", second_step_api.AppSecret.as_view(), name="api-second-step-secret"),
    path("me/second-step/app/", second_step_api.App.as_view(), name="api-second-step-app"),
    path("admin-asks/", account_api.AdminAsks.as_view(), name="api-admin-asks"),
    path("me/", account_api.Me.as_view(), name="api-me"),
    path("inbox/", inbox_api.Inbox.as_view(), name="api-inbox"),
    path("inbox/settings/", inbox_api.InboxSettings.as_view(), name="api-inbox-settings"),
    path("inbox/<uuid:pk>/", inbox_api.OneNotice.as_view(), name="api-inbox-one"),
    path("schema/", documents.Schema.as_view(), name="api-schema"),
    path("docs/", documents.Documents.as_view(), name="api-docs"),
]
