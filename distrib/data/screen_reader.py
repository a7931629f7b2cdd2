"""The name under which families of earlier versions read screens; see `distrib.data.screens`."""

from distrib.data.screens.screen_reader import load_screen as load_screen
