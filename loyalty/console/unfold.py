"""How the console looks: names, colours, menu. Read by settings, so no model is touched on import."""

from typing import Any, Final

UNFOLD: Final[dict[str, Any]] = {
    "SITE_TITLE": "loyalty.console.menus.title",
    "SITE_HEADER": "loyalty.console.menus.title",
    "SITE_SUBHEADER": "loyalty.console.menus.subtitle",
    "SITE_URL": None,
    "SITE_SYMBOL": "loyalty",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "loyalty.console.menus.favicon"},
    ],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "SHOW_BACK_BUTTON": False,
    "DASHBOARD_CALLBACK": "loyalty.console.dashboard.fill",
    "STYLES": ["loyalty.console.menus.stylesheet"],
    "SCRIPTS": ["loyalty.console.menus.script"],
    "BORDER_RADIUS": "8px",
    "COLORS": {
        "primary": {
            "50": "oklch(97.1% .014 200)",
            "100": "oklch(94.2% .03 198)",
            "200": "oklch(89.0% .055 196)",
            "300": "oklch(81.5% .085 194)",
            "400": "oklch(72.0% .105 192)",
            "500": "oklch(62.0% .105 191)",
            "600": "oklch(52.5% .092 192)",
            "700": "oklch(45.5% .08 193)",
            "800": "oklch(39.0% .068 195)",
            "900": "oklch(33.5% .056 197)",
            "950": "oklch(25.0% .044 199)",
        },
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": "loyalty.console.menus.navigation",
    },
    "ENVIRONMENT": "loyalty.console.menus.environment",
    "LOGIN": {"form": "loyalty.console.signin.SignInForm"},
}
